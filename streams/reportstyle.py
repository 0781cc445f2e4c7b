"""The style sheet of a report: readable by day and by night, on a telephone and on paper."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root { color-scheme: light dark; --text: #1d2329; --dim: #66707a; --line: #e1e5ea;
  --ground: #ffffff; --card: #f6f8fa; --wrong: #d9534f; --doubtful: #c98a00; --good: #2e9e68;
  --fill: #4c8bf5; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8ec; --dim: #95a0aa; --line: #313940;
  --ground: #14181c; --card: #1c2228; --doubtful: #e0ad3b; --good: #45bd84; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 24px 20px 48px; }
h1 { font-size: 28px; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 36px 0 8px; }
p { margin: 4px 0; }
section > p { color: var(--dim); max-width: 75ch; }
.dim { color: var(--dim); font-size: 13px; }
.findings { list-style: none; margin: 0; padding: 0; }
.findings li { display: grid; grid-template-columns: 24px 1fr; padding: 8px 12px; margin: 6px 0;
  background: var(--card); border-left: 4px solid var(--line); border-radius: 4px; }
.findings .mend { grid-column: 2; color: var(--dim); font-size: 13px; }
.findings .mark { font-weight: 700; }
.findings span { overflow-wrap: anywhere; }
.wrong { border-color: var(--wrong) !important; } .wrong .mark { color: var(--wrong); }
.doubtful { border-color: var(--doubtful) !important; }
.doubtful .mark { color: var(--doubtful); }
.good { border-color: var(--good) !important; } .good .mark { color: var(--good); }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: 10px; }
.tile { background: var(--card); border-radius: 6px; padding: 10px 14px; }
.tile .name { font-size: 13px; color: var(--dim); }
.tile .value { font-size: 24px; font-variant-numeric: tabular-nums; }
img { width: 100%; height: auto; display: block; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 12px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; color: var(--dim); font-weight: 400; }
th, td { padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; min-width: 5ch; }
.bar { position: relative; min-width: 110px; }
.bar .fill { position: absolute; inset: 1px auto 1px 0; background: var(--fill); opacity: 0.3;
  border-radius: 2px; }
.bar span { position: relative; padding-left: 6px; }
details { margin-top: 8px; } summary { cursor: pointer; color: var(--dim); }
footer { margin-top: 40px; color: var(--dim); font-size: 13px; }
@media print { main { max-width: none; } section { break-inside: avoid; } }
"""
"""CSS."""
