"""What happens to a session when things go wrong around it: python3 tests/cli/class.py PROGRAM. Says what is wrong and fails."""
import os, signal, sys, tempfile, time

from terminal import Terminal, bad, expect

program = os.path.abspath(sys.argv[1])


def until(t, text, seconds=120):
    """Reads until the program has written the text; what is looked at again begins behind it."""
    end = time.monotonic() + seconds
    while text not in t.seen and time.monotonic() < end:
        t.read(0.02, 0.1)
    found = text in t.seen
    t.seen = t.seen.partition(text)[2]
    return found


def shows(t, text, seconds=120):
    """Whether the whole screen comes to show it: at a new size all of it is painted."""
    end = time.monotonic() + seconds
    cols = 100
    while time.monotonic() < end:
        cols = 201 - cols
        if text in t.screen(cols, 30):
            return True
    return False


def leave(t):
    t.press("\x1b", "q")
    return t.wait()


os.chdir(tempfile.mkdtemp())
os.environ.update(XDG_STATE_HOME=os.getcwd(), STEPFORMER_THREADS="1")  # one thread: what is slow is slow everywhere

# what is typed while something is computed is taken when it is done, and so is a new size; Esc stops it and forgets what came before
slow = ["-m", "random:d_model=768,decoder_layers=8,n_heads=12,d_ff=3072,max_len=512", "--ids", ",".join(str(i % 6) for i in range(512))]
t = Terminal(program, *slow)
os.write(t.fd, b"G")
expect(until(t, b"Esc stops"), "what takes long to be said")
os.write(t.fd, b":print 6*7\r")
t.size(100, 30)
expect(shows(t, "6*7: 42"), "what was typed ahead to be taken")
expect(leave(t) == 0, "status 0")
t = Terminal(program, *slow)
os.write(t.fd, b"G")
expect(until(t, b"Esc stops"), "what takes long to be said")
os.write(t.fd, b":print 6*7\r\x1b")
expect(shows(t, "stopped after stage"), "Esc to stop it")
expect("6*7: 42" not in t.screen(100, 30), "Esc to forget what was typed before it")
expect(leave(t) == 0, "status 0")

# a terminal that is too small: one line, once the screen is given back; one that becomes so says it, and is drawn again when it grows
t = Terminal(program, "-m", "hand-wired", cols=39, rows=12)
expect(t.wait() == 2, "status 2 where the terminal is too small")
said = b"terminal: expected at least 40x12, found 39x12"
before = t.seen.partition(said)[0]
expect(said in t.seen and before.count(b"\x1b[?1049h") == before.count(b"\x1b[?1049l"), "that said on the screen that was there before")
t = Terminal(program, "-m", "hand-wired")
for cols, rows in (1, 1), (3, 2), (200, 1), (1, 60):
    t.screen(cols, rows)
expect("has 30" in t.screen(30, 10), "what a smaller one lacks")
expect("stage 1 of 27" in t.screen(80, 24), "all of it again in one that grew")
expect(leave(t) == 0, "status 0")

# a page that is pasted is one line, whole, where a line is typed, and no commands elsewhere
t = Terminal(program, "-m", "random:position=rope,max_len=8192", "--ids", "1,2,3")
os.write(t.fd, b"\x1b[200~qqq\r\nq\x1b[201~")
expect(shows(t, "pasted text belongs"), "no commands from pasted text")
os.write(t.fd, b"t\x15\x1b[200~1" + b",2,3,4,5" * 300 + b"\n\x1b[201~\r")
expect(shows(t, "[1201,"), "2,401 characters to be taken: 1,201 ids")
expect(leave(t) == 0, "status 0")

# a connection that breaks: the next session says so, and --resume goes on with what was there
kept = "stepformer/interrupted.json"
t = Terminal(program, "-m", "hand-wired")
t.press("n", "n", "z")
os.close(t.fd)
os.waitpid(t.pid, 0)
expect(os.path.exists(kept), "the session to be kept when its terminal goes")
t = Terminal(program, "-m", "sum")
expect(b"--resume" in t.seen, "a word on it")
os.kill(t.pid, signal.SIGHUP)  # before anything is done
t.wait()
for again in range(2):
    t = Terminal(program, "--resume")
    screen = t.screen(100, 30)
    expect("stage 3 of 27" in screen and "no-positions" in screen, "to stand where it was broken off")
    if again == 0:
        t.press("n", "b")
        os.kill(t.pid, signal.SIGTERM)
        t.read()
        expect(b"--resume" in t.seen, "a word on it where somebody is there to read it")
        expect(t.wait() == -signal.SIGTERM, "to end as the signal says")
    else:
        expect(leave(t) == 0 and not os.path.exists(kept), "nothing to be kept once it was left")
# a hunt goes on, too, with what was answered
t = Terminal(program, "hunt", "--bug", "softmax-axis")
t.press("~", "\r", "!")
os.close(t.fd)
os.waitpid(t.pid, 0)
t = Terminal(program, "--resume")
t.press("~")
screen = t.screen(100, 40)
expect("[hunt, level 1]" in screen and "1 wrong answer" in screen and "Hint 1" in screen, "the hunt to go on")
expect(leave(t) == 0 and not os.path.exists(kept), "nothing to be kept once it was left")
t = Terminal(program, "--resume")
expect(t.wait() == 2 and b"found none" in t.seen, "nothing to go on with")

sys.exit(1 if bad else 0)
