"""A program in a terminal of its own, for tests that type: Terminal(program, word, …); and what they found wrong."""
import fcntl, os, pty, resource, select, signal, struct, sys, termios, time

bad = []


def expect(good, what):
    if not good:
        bad.append(what)
        print("tests/cli/%s: expected %s" % (os.path.basename(sys.argv[0]), what))


class Terminal:
    """The program in a terminal; `seen` is every byte it wrote."""

    def __init__(self, program, *words, cols=80, rows=24, room=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8", COLUMNS=str(cols), LINES=str(rows))
            for ignored in signal.SIGHUP, signal.SIGINT, signal.SIGQUIT:  # by whoever runs the tests, as nohup does
                signal.signal(ignored, signal.SIG_DFL)
            if room:
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
            time.sleep(0.1)  # until the size is set
            os.execv(program, [program, *words])
        self.size(cols, rows)
        self.seen = b""
        self.read()

    def size(self, cols, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def read(self, quiet=0.3, first=5):
        """Reads until nothing came for a while; the first byte may take longer."""
        got = False
        while True:
            ready, _, _ = select.select([self.fd], [], [], quiet if got else first)
            if not ready:
                return
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                return
            got = True
            self.seen += data

    def press(self, *keys):
        for key in keys:
            os.write(self.fd, key.encode())
            self.read(0.05, 0.3)

    def screen(self, cols, rows):
        """All that a screen of a new size shows: it is painted whole."""
        before = len(self.seen)
        self.size(cols, rows)
        self.read()
        return self.seen[before:].decode()

    def wait(self):
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)
