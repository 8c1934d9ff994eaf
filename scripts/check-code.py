#!/usr/bin/env python3
"""The code in the documentation compiles: each Swift block, in Swift 6 mode, as a user of the library would have it.

    check-code.py [-- FLAG...]      flags for swiftc that say where the modules are, such as -I DIR

Blocks are those of README.md, CONTRIBUTING.md, docs, Examples, the DocC catalogues and the doc comments of the library.
One that begins with an import is a whole program. One of declarations stands in a type or, with a test or an extension,
in a file; anything else in an asynchronous function that may throw. These have the imports of PREAMBLE. Shell blocks
are parsed by bash.

In an HTML comment right before a block, which no page shows, stands what is not to be read:
    given: loop: EventLoop          what the block takes as given: parameters of its function, declarations, an import
    refused: 'x' used after consume what the compiler says of it, which it must; several comments, several errors
    flags: -enable-upcoming-feature X
"""

import concurrent.futures
import dataclasses
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "docs/*.md", "Examples/*.md", "Sources/*/*.docc/**/*.md"]
SOURCES = ["Sources/IPCKit/**/*.swift", "Sources/IPCKitTesting/**/*.swift"]
PREAMBLE = "import Glibc\nimport IPCKit\n"
TEST_PREAMBLE = PREAMBLE + "import IPCKitTesting\nimport Testing\n"
NOTES = ("given", "refused", "flags")
# Other blocks that there are: what programs print, and units.
LEFT_ALONE = ("", "ini")
DECLARATION = re.compile(r"(@|(final |indirect )*(struct|class|actor|enum|protocol|extension|func|let|var) )")
MODIFIER = r"(@\w+|public|private|final|indirect|nonisolated(\(\w+\))?)\s+"
TYPE_OR_FUNCTION = re.compile(rf"({MODIFIER})*(struct|class|actor|enum|func)\b|[)}}]|//|\s|$")
NEEDS_FILE = re.compile(r"^(@Test|@Suite|@main|extension |protocol )", re.MULTILINE)
DIAGNOSTIC = re.compile(r"(?P<place>[^:\n]+:\d+):\d+: (?P<kind>error|warning): (?P<text>.*)")
# What is said of an example because it ends where it does.
SHORTNESS = re.compile(r"was never (used|mutated|read)|but never read")


@dataclasses.dataclass
class Block:
    """A fenced block, and what the comments before it say."""

    document: str
    line: int
    language: str
    code: list = dataclasses.field(default_factory=list)
    notes: dict = dataclasses.field(default_factory=dict)

    @property
    def text(self):
        return "\n".join(self.code) + "\n"

    @property
    def place(self):
        return f"{self.document}:{self.line}"

    def note(self, name):
        return " ".join(self.notes.get(name, []))


def lines_of(path):
    """The text of a document, line by line; of a source its doc comments, and None where there is none."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if path.suffix == ".md":
            yield line
        else:
            comment = re.match(r"\s*/// ?(.*)", line)
            yield comment[1] if comment else None


def blocks_of(path):
    """The fenced blocks of a document."""
    document = str(path.relative_to(ROOT))
    block, comment, notes = None, None, {}
    for number, line in enumerate(lines_of(path), 1):
        fence = re.match(r"( *)```(.*)", line or "")
        if block and fence and not fence[2].strip():
            yield block
            block, notes = None, {}
        elif block:
            if line is None:
                break
            block.code.append(line[len(indent):] if line.startswith(indent) else line.lstrip())
        elif fence:
            indent = fence[1]
            block = Block(document, number + 1, fence[2].strip(), notes=notes)
        elif comment is not None or (line or "").lstrip().startswith("<!--"):
            comment = (comment + "\n" if comment else "") + (line or "")
            if "-->" in comment:
                take_note(comment, notes)
                comment = None
        elif line is None or line.strip():
            notes = {}
    if block or comment:
        sys.exit(f"{document}: a block or comment without an end")


def take_note(comment, notes):
    """Keeps what a comment says of the block after it."""
    name, _, value = comment.strip().removeprefix("<!--").removesuffix("-->").strip().partition(":")
    if name in NOTES:
        notes.setdefault(name, []).append(value.strip())


# What is compiled together.


@dataclasses.dataclass
class Compilation:
    """Files for one call of the compiler, and what it must say."""

    what: str
    files: dict
    flags: list
    refused: list = dataclasses.field(default_factory=list)


def located(block, code):
    """Code whose errors are the document's."""
    return f'#sourceLocation(file: "{block.document}", line: {block.line})\n{code}#sourceLocation()\n'


def is_program(block):
    return re.match(r"(//.*\n|\n)*(@testable )?import ", block.text) is not None


def files_of(block, number):
    """The files that a block is in, by name; the number tells its function from others."""
    given, name, files = block.note("given"), re.sub(r"\W+", "-", block.place), {}
    imports = given + "\n" if given.startswith("import ") else ""
    declared = bool(DECLARATION.match(given))
    if is_program(block):
        files["main.swift"] = located(block, block.text)
        preamble = PREAMBLE
    elif NEEDS_FILE.search(block.text):
        preamble = TEST_PREAMBLE
        files[f"{name}.swift"] = preamble + imports + located(block, block.text)
    else:
        preamble = PREAMBLE
        head = f'#sourceLocation(file: "{block.document}", line: {block.line - 1})\n'
        if all(map(TYPE_OR_FUNCTION.match, block.code)):
            head += f"enum Block{number} {{\n"
        else:
            head += f"func block{number}({'' if declared or imports else given}) async throws {{\n"
        files[f"{name}.swift"] = f"{preamble}{imports}{head}{located(block, block.text)}}}\n"
    if declared:
        files[f"given-{name}.swift"] = preamble + located(block, given + "\n")
    return files


def compilations(blocks):
    """All pieces together; each program, and each that must fail or has flags of its own, apart."""
    together = Compilation("the pieces", {}, [])
    yield together
    for number, block in enumerate(blocks):
        files, flags, refused = files_of(block, number), block.note("flags").split(), block.notes.get("refused", [])
        if is_program(block) or flags or refused:
            yield Compilation(block.place, files, flags, refused)
        else:
            together.files.update(files)


# The compiler.


def testing_flags():
    """Where the toolchain's macros of Testing are."""
    answer = subprocess.run(["swiftc", "-print-target-info"], check=True, capture_output=True, text=True)
    resources = pathlib.Path(json.loads(answer.stdout)["paths"]["runtimeResourcePath"])
    plugins = [resources / "host/plugins", resources / "host/plugins/testing"]
    return [flag for path in plugins if path.is_dir() for flag in ("-plugin-path", str(path))]


def compile_swift(compilation, flags):
    """What is wrong, line by line; nothing when all is as it should be."""
    with tempfile.TemporaryDirectory() as directory:
        paths = []
        for name, text in compilation.files.items():
            paths.append(pathlib.Path(directory, name))
            paths[-1].write_text(text, encoding="utf-8")
        # Type checking alone accepts much: ownership and lifetimes are checked in SIL.
        command = ["swiftc", "-emit-sil", "-o", "/dev/null", "-wmo", "-swift-version", "6", "-module-name", "Example"]
        if "main.swift" not in compilation.files:
            command.append("-parse-as-library")
        command += ["-diagnostic-style", "llvm", *flags, *compilation.flags, *map(str, paths)]
        result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    said = [found for found in map(DIAGNOSTIC.match, result.stderr.splitlines()) if found]
    if compilation.refused:
        return list(wrong_refusals(compilation, said))
    wrong = [found[0] for found in said if found["kind"] == "error" or not SHORTNESS.search(found["text"])]
    # Once something is wrong elsewhere, the compiler finds fault with what Testing's macros have made, too.
    wrong = [line for line in wrong if not line.startswith("/")] or wrong
    return wrong if wrong or not result.returncode else crashed(compilation, flags, result.stderr)


def crashed(compilation, flags, said):
    """Which of the files it was that the compiler has no words for."""
    if len(compilation.files) == 1:
        why = [line for line in said.splitlines() if re.match(r"\d+\.\t|error: ", line)]
        return [f"{compilation.what}: error: swiftc failed", *why[-2:]]
    alone = [Compilation(name, {name: text}, compilation.flags) for name, text in compilation.files.items()]
    wrong = [line for each in alone for line in compile_swift(each, flags)]
    return wrong or [f"{compilation.what}: error: swiftc failed:\n{said}"]


def wrong_refusals(compilation, said):
    """How the compiler's errors differ from those that the document has."""
    errors = [found for found in said if found["kind"] == "error"]
    for text in compilation.refused:
        if not any(text in found["text"] for found in errors):
            yield f"{compilation.what}: error: the compiler does not say “{text}”"
    for found in errors:
        if not any(text in found["text"] for text in compilation.refused):
            yield f"{found[0]} (which the document does not say)"


def parse_shell(block):
    """What bash says of a block that it cannot parse."""
    def located_line(found):
        return f"{block.document}:{block.line + int(found[1]) - 1}"

    result = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    if result.returncode and not result.stderr:
        return [f"{block.place}: error: bash failed"]
    return [re.sub(r"^bash: line (\d+)", located_line, line) for line in result.stderr.splitlines()]


def main():
    flags = sys.argv[1:]
    if flags[:1] == ["--"]:
        flags = flags[1:]
    paths = sorted({path for pattern in DOCUMENTS + SOURCES for path in ROOT.glob(pattern)})
    blocks = [block for path in paths for block in blocks_of(path)]
    swift = [block for block in blocks if block.language == "swift"]
    shell = [block for block in blocks if block.language == "sh"]
    if not swift or not shell:
        sys.exit("no blocks found")

    flags += testing_flags()
    others = [block for block in blocks if block.language not in ("swift", "sh")]
    wrong = [f"{block.place}: error: “{block.language}”?" for block in others if block.language not in LEFT_ALONE]
    wrong += [line for block in shell for line in parse_shell(block)]
    # Two at a time: a compiler takes a core.
    with concurrent.futures.ThreadPoolExecutor(2) as compilers:
        for lines in compilers.map(lambda each: compile_swift(each, flags), list(compilations(swift))):
            wrong += lines
    for line in wrong:
        print(line, file=sys.stderr)

    programs, refused = sum(map(is_program, swift)), sum("refused" in block.notes for block in swift)
    print(
        f"{len(swift)} Swift blocks, of which {programs} are programs and {refused} must not compile, "
        f"and {len(shell)} shell blocks; {len(others)} others are left alone")
    sys.exit(f"{len(wrong)} wrong" if wrong else 0)


if __name__ == "__main__":
    main()
