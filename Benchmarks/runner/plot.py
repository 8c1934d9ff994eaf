"""The ratios as bars, drawn by gnuplot where it is installed."""

import shutil

from runner import rates
from runner.processes import child, Failed

SCRIPT = """set terminal svg size 1000,760 font "sans,12" background "white"
set output "{output}"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.8 border -1
set boxwidth 0.9
set xtics rotate by -20 nomirror
set grid ytics
set key outside right top
set yrange [0:*]
set multiplot layout 2,1
set title "Requests a second as a part of C's (more is better)"
plot {rate}
set title "CPU time of the server a request, times C's (less is better)"
plot {cpu}
unset multiplot
"""


def _blocks(names, results, key):
    """Data that the script reads from its own text, and the plot command for it."""
    lines = [f"${key} << END"]
    for scenario, runs in results.items():
        ratios = (rates.ratio(runs[name], runs["c"], key) for name in names)
        lines.append(" ".join([f'"{scenario.title}"', *(f"{value:.4f}" for value in ratios)]))
    columns = (
        f'${key} using {column}:xtic(1) title "{name}" noenhanced' for column, name in enumerate(names, 2)
    )
    return "\n".join([*lines, "END", ""]), ", ".join(columns)


def draw(path, names, results):
    """Writes the picture; false where there is no gnuplot, or no floor to compare with."""
    if not shutil.which("gnuplot") or "c" not in names:
        return False
    rate_data, rate = _blocks(names, results, "rate")
    cpu_data, cpu = _blocks(names, results, "cpu")
    script = rate_data + cpu_data + SCRIPT.format(output=path, rate=rate, cpu=cpu)
    with child(["gnuplot"], stdin=-1, stderr=-1) as process:
        _, err = process.communicate(script, timeout=60)
    if process.returncode:
        raise Failed(f"gnuplot: {err.strip()}")
    return True
