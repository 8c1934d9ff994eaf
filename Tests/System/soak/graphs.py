"""The samples as pictures, drawn by gnuplot."""

import subprocess

# A picture has no more points than these of each line: it stays small, however long the run was.
POINTS = 240
SCRIPT = """set terminal svg size 1000,420 font "sans,12" background "white"
set output "{output}"
set datafile missing "?"
set grid ytics
set key outside top center horizontal
set xlabel "seconds"
set ylabel "{unit}"
set yrange [0:*]
set title "{title}"
{marks}
{data}
{log}
plot {plots}
"""


def thinned(rows, columns):
    """At most so many rows, each the largest of those that it stands for."""
    step = -(-len(rows) // POINTS) or 1
    for start in range(0, len(rows), step):
        group = rows[start:start + step]
        values = []
        for column in columns:
            known = [row[column] for row in group if row[column] != ""]
            values.append(max(known) if known else "?")
        yield group[0]["time"], *values


def block(name, rows, columns):
    """Rows that the script reads from its own text."""
    lines = [" ".join(f"{value:.6g}" if value != "?" else value for value in row) for row in thinned(rows, columns)]
    return "\n".join([f"${name} << END", *lines, "END"])


def draw(output, title, unit, lines, points, restarts, log=False):
    """One picture: lines of samples and points of quiet points, each as rows and what its columns are called."""
    shown = restarts[::max(1, len(restarts) // 60)]
    marks = "\n".join(
        f'set arrow from first {restart["time"]:.0f}, graph 0 to first {restart["time"]:.0f}, graph 1 nohead '
        'linecolor "#bbbbbb" dashtype 2' for restart in shown)
    data, plots = [], []
    styles = (("lines", "lines linewidth 1", lines), ("points", "points pointtype 7 pointsize 0.4", points))
    for name, style, (rows, columns) in styles:
        if not columns:
            continue
        data.append(block(name, rows, columns))
        plots += [f'${name} using 1:{number} with {style} title "{words}" noenhanced'
                  for number, words in enumerate(columns.values(), 2)]
    plots.append('NaN with lines linecolor "#bbbbbb" dashtype 2 title "restarts"')
    script = SCRIPT.format(
        output=output, title=title, unit=unit, marks=marks, data="\n".join(data), plots=", ".join(plots),
        log="set logscale y; set yrange [*:*]" if log else "")
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def draw_all(directory, samples, quiet, restarts):
    """The four of them; their names."""
    seconds = [dict(row) for row in samples]
    for before, row in zip([None, *seconds], seconds):
        # Of another windowd, or of none, nobody knows what it has used since.
        known = before and row["cpu"] >= before["cpu"] and row["time"] > before["time"]
        row["share"] = (row["cpu"] - before["cpu"]) / (row["time"] - before["time"]) * 100 if known else ""
    pictures = {
        "descriptors": ("windowd's descriptors", "descriptors", {"descriptors": "among clients"},
                        {"descriptors": "at quiet points"}, False),
        "memory": ("windowd's memory", "KiB", {"rss": "resident", "pss": "proportional (PSS)", "own": "in no file"},
                   {"own": "in no file, at quiet points"}, False),
        "cpu": ("windowd's CPU time", "% of one CPU", {"share": "user and system"}, {}, False),
        "latency": ("How long a client waits among all others", "ms", {
            "list_median": "list-windows, median", "list_max": "list-windows, longest",
            "create_median": "create true and wait, median", "create_max": "create true and wait, longest"}, {}, True),
    }
    for name, (title, unit, lines, points, log) in pictures.items():
        draw(directory / f"soak-{name}.svg", title, unit, (seconds, lines), (quiet, points), restarts, log)
    return list(pictures)
