"""How records move: topics, codecs, agents, transactions, checkpoints, metrics, command line."""
