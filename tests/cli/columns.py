"""What commands print on a terminal of 80 and of 200 columns: every line fits, in English and in Chinese; a pipe gets the whole table.

python3 tests/cli/columns.py PROGRAM"""
import os, re, subprocess, sys, unicodedata
from terminal import Terminal, bad, expect

program = sys.argv[1]

commands = """
verify
verify --bug no-scaling
verify --bug stale-cache
models
ablations
keys
print
print decoder.embed.tokens
print decoder.*.self.weights
tokens -m sum
tokens -t 我昨天在上海买了 --steps
trace -m hand-wired
trace --stage decoder.embed.sum,decoder.1.cross.weights
grad -m hand-wired
compare -a no-positions
compare -a no-positions --stage decoder.0.self.weights,decoder.embed.sum
compare --with-text 我昨天在上海买了一张车票
compare --table -n 2
generate -m recall -n 2 --steps --temperature 1 --seed 3
generate --steps
eval -n 20 -a no-ffn
explain lens
explain attribution
explain belt
explain heads
explain reach
explain trace
hunt --cards
hunt --bug no-scaling --answer scaled
hunt --bug no-scaling --answer weights
lab
lab scaling --help
lab memory --small
lesson
lesson --check q03
lesson q03 -o -
step -o -
answers
train --watch --words
eval -m hand-wired
compare -a no-such-ablation
""".strip().split("\n")


def columns(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def on_terminal(words, cols):
    """What stands on the terminal in the end, its lines as they were sent."""
    t = Terminal(program, *words, cols=cols)
    while True:
        before = len(t.seen)
        t.read(first=30)
        if len(t.seen) == before:
            break
    t.wait()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", t.seen.decode()).replace("\r\n", "\n")
    return [line.split("\r")[-1] for line in text.split("\n")]


for command in commands:
    for cols, language in (80, "en"), (80, "zh"), (200, "en"):
        if cols == 200 and not command.startswith(("verify", "explain", "compare")):
            continue
        for line in on_terminal(command.split() + ["--lang", language], cols):
            if columns(line) > cols and not line.lstrip().startswith(("https://", "/")):  # an address is not broken
                expect(False, "at most %d columns of %s (%s), found %d: %s" % (cols, command, language, columns(line), line[:120]))
                break


def piped(*words):
    return subprocess.run([program, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.decode()


# a table is one in a pipe, and on a wide terminal; on a narrow one it has the same rows
expect("5.16e-07 of 1e-05" in piped("verify"), "three digits of verify in a pipe")
wide, narrow = on_terminal(["verify"], 200), on_terminal(["verify"], 80)
expect(any(" of 1e-05" in line for line in wide), "both losses on 200 columns")
expect(sum(line.startswith("ok ") for line in wide) == sum(line.startswith("ok ") for line in narrow) > 20, "as many cases on 80 columns")
expect(piped("explain", "heads").count("decoder.1.cross.weights") == 4, "one row a head in a pipe")
expect(sum("decoder.1.cross.weights" in line for line in on_terminal(["explain", "heads"], 80)) > 4, "blocks of columns on a terminal")
numbers = [re.findall(r"-?[0-9.]+(?:e-?[0-9]+)?", line) for line in piped("trace", "--stage", "decoder.embed.sum").split("\n") if line[:1] == " "]
blocks = [re.findall(r"-?[0-9.]+(?:e-?[0-9]+)?", line) for line in on_terminal(["trace", "--stage", "decoder.embed.sum"], 80) if line[:1] == " "]
rows = len(numbers)
expect([sum((blocks[i] for i in range(row, len(blocks), rows)), []) for row in range(rows)] == numbers, "the same numbers in blocks")
print("columns: %d commands, %d wrong" % (len(commands), len(bad)))
sys.exit(bool(bad))
