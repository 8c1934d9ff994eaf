"""Where the results go: a directory outside of the booted system, which is open here as a descriptor."""

import os


class Output:
    """Files in it."""

    def __init__(self, directory):
        self.directory = directory

    def open(self, name):
        """A file of this name, empty, of which each line is written at once."""
        def opener(path, flags):
            return os.open(path, flags, mode=0o644, dir_fd=self.directory)

        return open(name, "w", buffering=1, encoding="utf-8", opener=opener)


class Table:
    """Lines with a value for each column."""

    def __init__(self, file, columns):
        self.file = file
        self.columns = columns
        print(*columns, sep="\t", file=file)

    def add(self, **values):
        """One line; a value that is missing has no words."""
        cells = (values.get(column, "") for column in self.columns)
        print(*(f"{cell:.6g}" if isinstance(cell, float) else cell for cell in cells), sep="\t", file=self.file)
