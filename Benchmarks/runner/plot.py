"""The ratios as bars, drawn by gnuplot where it is installed."""

import shutil

from runner import rates
from runner.processes import Failed, child

SCRIPT = """set terminal svg size 1100,760 font "sans,12" background "white"
set output "{output}"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.8 border -1
set boxwidth 0.9
set xtics scale 0
set grid ytics
set bmargin 3.5
set key outside right top
set multiplot layout 2,1
set yrange [0:*]
set title "Requests a second as a part of C's (more is better)"
plot {rate}
set logscale y 2
set yrange [0.5:*]
set title "CPU time of the server a request, times C's (less is better)"
plot {cpu}
unset multiplot
"""


def _block(names, results, key):
    """Data that the script reads from its own text."""
    lines = [f"${key} << END"]
    for scenario, runs in results.items():
        ratios = (rates.ratio(runs[name], runs["c"], key) for name in names)
        kind, what = scenario.title.split(" ", 1)
        lines.append(" ".join([f'"{kind}\\n{what}"', *(f"{value:.4f}" for value in ratios)]))
    return "\n".join([*lines, "END", ""])


def _command(names, key):
    """Bars for the others, and a line for the floor."""
    bars = (f'${key} using {column}:xtic(1) title "{name}" noenhanced' for column, name in enumerate(names, 2))
    return ", ".join([*bars, '1 with lines linewidth 2 linecolor "black" title "c"'])


def draw(path, names, results):
    """Writes the picture; false where there is no gnuplot, or no floor to compare with."""
    others = [name for name in names if name != "c"]
    if not shutil.which("gnuplot") or others == names or not others:
        return False
    data = _block(others, results, "rate") + _block(others, results, "cpu")
    script = data + SCRIPT.format(output=path, rate=_command(others, "rate"), cpu=_command(others, "cpu"))
    with child(["gnuplot"], stdin=-1, stderr=-1) as process:
        _, err = process.communicate(script, timeout=60)
    if process.returncode:
        raise Failed(f"gnuplot: {err.strip()}")
    return True
