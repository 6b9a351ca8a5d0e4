"""Recording and playing in a terminal of its own: python3 tests/cli/record.py PROGRAM. Says what is wrong and fails."""
import json, os, signal, sys, tempfile, time

from terminal import Terminal, bad, expect

program = os.path.abspath(sys.argv[1])


def events(path):
    text = open(path, encoding="utf-8").read()
    expect(text.endswith("\n"), path + ": whole lines")
    lines = [json.loads(line) for line in text.splitlines()]
    return lines[0], lines[1:]


def output(lines):
    return "".join(e[2] for e in lines if e[1] == "o").encode()


os.chdir(tempfile.mkdtemp())

# what is recorded is what the terminal was sent, and what was typed
t = Terminal(program, "-m", "hand-wired", "-t", "A B C A", "--record", "a.cast")
t.press("n", "n", "\x1b[B", "g", "w", "e", "i", "\r", "v", "m", "\x1b")
t.read(0.2, 0.3)
t.size(100, 30)
t.read()
t.press("n", "q")
t.read()
expect(t.wait() == 0, "status 0 of a recorded session")
head, lines = events("a.cast")
expect(head["version"] == 2 and (head["width"], head["height"]) == (80, 24), "an asciicast 2 of 80x24")
expect(head["stepformer"]["model"]["name"] == "hand-wired", "the session in the first line")
expect(output(lines) == t.seen, "every byte that the terminal was sent, and no other")
expect([e[2] for e in lines if e[1] == "i"] == ["n", "n", "\x1b[B", "g", "w", "e", "i", "\r", "v", "m", "\x1b", "n", "q"], "every key")
expect([e[2] for e in lines if e[1] == "r"] == ["100x30"], "the new size")
expect(all(a[0] <= b[0] for a, b in zip(lines, lines[1:])), "times in order")

# it is not overwritten
t = Terminal(program, "-m", "hand-wired", "--record", "a.cast")
expect(t.wait() == 2 and b"expected a new file" in t.seen, "a recording that is there to be kept")

# a killed program leaves whole lines
t = Terminal(program, "-m", "hand-wired", "--record", "killed.cast")
t.press("n", "n", "n")
os.kill(t.pid, signal.SIGKILL)
t.wait()
head, lines = events("killed.cast")
expect(sum(e[1] == "i" for e in lines) == 3, "three keys before the kill")

# so does a disk without room, which is said at once and at the end
t = Terminal(program, "-m", "hand-wired", "--record", "full.cast", room=6000)
t.press("n", "n", "n", "n", "n", "n")
expect(b"full.cast: cannot be written" in t.seen, "a word on the screen about the disk")
t.press("q")
t.read()
expect(t.wait() == 2 and b"the recording ends here" in t.seen, "status 2 of a recording that is not whole")
head, lines = events("full.cast")
expect(2 < len(lines) and os.path.getsize("full.cast") <= 6000, "a recording up to where the disk was full")

# without a terminal: the bytes
status = os.system("'%s' step --play a.cast >bytes" % program)
expect(status == 0 and open("bytes", "rb").read() == output(events("a.cast")[1]), "the recorded bytes")

# byte by byte
t = Terminal(program, "step", "--play", "a.cast", "--as-recorded", "--delay", "0", cols=100, rows=30)
expect(t.wait() == 0 and output(events("a.cast")[1]) in t.seen, "the recorded bytes in the terminal")
t = Terminal(program, "step", "--play", "a.cast", "--as-recorded", "--delay", "0", cols=60, rows=20)
expect(b"recorded at 80x24, this terminal is 60x20" in t.seen, "a word about the size")
t.press("q")
expect(t.wait() == 0, "status 0 of a recording that was left")

# another model under that name: which, and what still works
with open("other.cast", "w") as f:
    head, lines = events("a.cast")
    head["stepformer"]["model"]["weights"] = "0123456789abcdef"
    f.writelines(json.dumps(line) + "\n" for line in [head, *lines])
t = Terminal(program, "step", "--play", "other.cast")
expect(t.wait() == 2 and b"model.weights: expected " in t.seen and b"--as-recorded" in t.seen, "a word about another model")

# keys pressed again, at another size; back, on, and taken over
t = Terminal(program, "step", "--play", "a.cast", "--delay", "0", cols=132, rows=40)
expect("the end, 13 of 13" in t.screen(131, 40), "the end of the keys")
t.press("b", "b")
expect("paused, 11 of 13" in t.screen(132, 41), "two keys back")
t.press("n", "\r")
t.read(0.2, 0.3)
before = len(t.seen)
t.press("?")
expect(b"Stepping" in t.seen[before:], "the debugger after it was taken over")
t.press("\x1b")
t.read(0.2, 0.3)
t.press("q")
expect(t.wait() == 0, "status 0 of a recording that was taken over")

# a recording presses save and export again, and writes nothing
t = Terminal(program, "-m", "hand-wired", "--record", "save.cast")
t.press("\x13", "\r", "X", "\r", "\r", "n", "q")
t.read()
t.wait()
expect(os.path.exists("session.json") and os.path.exists("decoder.embed.tokens.csv"), "a session and a matrix saved")
os.remove("session.json")
os.remove("decoder.embed.tokens.csv")
t = Terminal(program, "step", "--play", "save.cast", "--delay", "0")
screen = t.screen(100, 30)
t.press("q")
expect(t.wait() == 0 and os.listdir(".").count("session.json") == 0 and not os.path.exists("decoder.embed.tokens.csv"), "nothing written by a recording")
expect("the end, 7 of 7" in screen and "stage 2 of" in screen, "the same place without writing")

for name in os.listdir("."):
    os.remove(name)
os.rmdir(os.getcwd())
sys.exit(bool(bad))
