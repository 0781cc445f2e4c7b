"""Everything that learns or measures; imports no Kafka."""
