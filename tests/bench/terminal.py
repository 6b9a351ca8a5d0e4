#!/usr/bin/env python3
"""How fast the debugger is in a terminal: start to painted, a key to its last byte, bytes, writes, memory.

  terminal.py ./stepformer FLOOR

Runs the program, the least that a full-screen program can do (FLOOR: floor.c), and what of less, htop and tig is installed, on pseudo-terminals of 80x24 and 200x60 in one
run, and prints medians. Time zero of a start is taken in the child right before exec. A key's time ends with the last
byte that follows within QUIET milliseconds. A write is a chunk as the terminal's side reads it.

Then the same on a real size: GPT-2 124M's shape with random weights, in a file of 500 MB that is made for it, fed 64 tokens. Its
keys come SETTLE milliseconds apart, as a quick reader's do: between two of them the program computes the next stage. Starts of the program
and of the floor take turns, so that what else the machine does is shared by both.
"""
import fcntl, os, pty, select, shutil, signal, statistics, struct, subprocess, sys, tempfile, termios, time

SIZES = [(80, 24), (200, 60)]
STARTS, PRESSES, QUIET, SETTLE = 15, 40, 25, 150
GPT2 = ('random:kind=decoder,position=learned,norm=layernorm,activation=gelu_tanh,d_model=768,n_heads=12,d_ff=3072,'
        'decoder_layers=12,vocab_size=50257,max_len=1024,tie_embeddings=true')
IDS = ','.join(str(i * 773 % 50257) for i in range(1, 65))
LOGITS = 209  # which of its 210 stages
DOWN, RIGHT = b'\x1b[B', b'\x1b[C'


class Terminal:
    def __init__(self, argv, cols, rows):
        read_end, write_end = os.pipe()
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', rows, cols, 0, 0))
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(slave, fd)
            os.environ.update(TERM='xterm-256color', LC_ALL='C.UTF-8')
            for name in ('COLUMNS', 'LINES', 'NO_COLOR'):
                os.environ.pop(name, None)
            os.write(write_end, struct.pack('q', time.monotonic_ns()))
            os.execvp(argv[0], argv)
        os.close(slave)
        os.close(write_end)
        self.started = struct.unpack('q', os.read(read_end, 8))[0]
        os.close(read_end)
        self.application_keys = False
        self.poll = select.poll()
        self.poll.register(self.master, select.POLLIN)

    def drain(self, quiet, first=2000):
        """Reads until `quiet` ms of silence; returns the last byte's time, bytes and chunks."""
        last, size, chunks, wait = None, 0, 0, first
        while self.poll.poll(wait):
            try:
                data = os.read(self.master, 1 << 16)
            except OSError:
                break
            if not data:
                break
            last, size, chunks, wait = time.monotonic_ns(), size + len(data), chunks + 1, quiet
            if b'\x1b[?1h' in data:
                self.application_keys = True
        return last, size, chunks

    def press(self, key):
        if self.application_keys and key.startswith(b'\x1b['):
            key = b'\x1bO' + key[2:]
        began = time.monotonic_ns()
        os.write(self.master, key)
        last, size, chunks = self.drain(QUIET, 300)
        return None if last is None else ((last - began) / 1e6, size, chunks)

    def memory(self):
        """Resident and private (unshared) memory in MB."""
        resident = private = 0
        with open(f'/proc/{self.pid}/smaps_rollup') as f:
            for line in f:
                if line.startswith('Rss:'):
                    resident = int(line.split()[1])
                elif line.startswith('Private_'):
                    private += int(line.split()[1])
        return resident / 1024, private / 1024

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.master)


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(p * len(values)))]


def start(argv, cols, rows, starts):
    """Starts it, and adds the time to the last byte of its first frame."""
    t = Terminal(argv, cols, rows)
    last, _, _ = t.drain(SETTLE)
    if last:
        starts.append((last - t.started) / 1e6)
    return t


def measure(name, argv, keys):
    for cols, rows in SIZES:
        starts = []
        t = start(argv, cols, rows, [])
        for _ in range(STARTS):
            t.close()
            t = start(argv, cols, rows, starts)
        line = f'{name:<12} {cols}x{rows:<4} start {statistics.median(starts):6.2f} ms'
        resident, private = t.memory()
        for label, key in keys:
            taken = []
            for _ in range(PRESSES):
                time.sleep(0.005)
                result = t.press(key)
                if result:
                    taken.append(result)
            if taken:
                ms = [x[0] for x in taken]
                line += (f' | {label} {statistics.median(ms):5.2f} ms (95% {percentile(ms, .95):5.2f})'
                         f' {statistics.median(x[1] for x in taken):6.0f} B {statistics.median(x[2] for x in taken):.0f} w')
        print(f'{line} | {resident:.1f} MB resident, {private:.1f} own', flush=True)
        t.close()


def row(label, taken):
    """A line of the table; taken: what press returned."""
    ms = [x[0] for x in taken if x]
    print(f'  {label:<42} {statistics.median(ms):6.2f} ms (95% {percentile(ms, .95):6.2f}, most {max(ms):6.2f})', flush=True)


def after(t, key, wait=SETTLE):
    """Presses a key once what went before is done."""
    t.drain(wait, wait)
    return t.press(key)


def measure_real(program, floor, folder, cols, rows):
    argv = [program, '-m', folder, '--ids', IDS]
    programs = {'open 500 MB, to the first frame': argv, '  floor': [floor], '  less opens a text': ['less', sys.argv[0]]}
    starts = {name: [] for name in programs}
    for i in range(STARTS + 1):
        for name, what in programs.items():
            start(what, cols, rows, starts[name] if i else []).close()
    print(f'GPT-2 124M, 64 tokens, {cols}x{rows}')
    for name, taken in starts.items():
        row(name, [(ms, 0, 0) for ms in taken])
    opened, least = list(starts.values())[:2]
    print(f'  {"open 500 MB / floor":<42} {statistics.median(opened) / statistics.median(least):6.2f}    '
          f'(of the fastest starts {min(opened) / min(least):.2f}: other programs disturb them least)', flush=True)
    t = Terminal(argv, cols, rows)
    t.drain(SETTLE)
    opened = t.memory()
    steps = [after(t, b'n', 40) for _ in range(LOGITS - 2)]
    logits = after(t, b'n')
    row('step, from the first stage to the last', steps + [logits, after(t, b'n')])
    row('  of these onto the logits', [logits])
    row('back', [after(t, b'b', 40) for _ in range(PRESSES)])
    walked = t.memory()
    t.close()
    for stage in 20, 100, LOGITS:
        t = Terminal(argv, cols, rows)
        t.drain(SETTLE)
        after(t, b'%dn' % (stage - 1))
        t.drain(4 * SETTLE, 4 * SETTLE)
        on, off, edit, undo = [], [], [], []
        for _ in range(4):
            on.append(after(t, b'z', 8 * SETTLE))
            off.append(after(t, b'z', 8 * SETTLE))
        for _ in range(4):
            after(t, b'i')
            edit.append(after(t, b'5\r'))  # one more digit
            undo.append(after(t, b'U', 8 * SETTLE))
        row(f'at stage {stage}: positions off', on)
        row('  on again', off)
        row('  a cell edited', edit)
        row('  and undone', undo)
        t.close()
    print(f'  memory: {opened[0]:.0f} MB resident ({opened[1]:.0f} own) at the first frame, {walked[0]:.0f} ({walked[1]:.0f}) after the walk', flush=True)


def main():
    program, floor = sys.argv[1:3]
    with tempfile.NamedTemporaryFile('w', suffix='.txt') as text:
        text.write(''.join(f'line {i} ' + 'word ' * 30 + '\n' for i in range(2000)))
        text.flush()
        measure('stepformer', [program], [('right', RIGHT), ('next', b'n'), ('view', b'v')])
        measure('floor', [floor], [])
        measure('less', ['less', text.name], [('down', DOWN), ('page', b' ')])
        if shutil.which('htop'):
            measure('htop', ['htop'], [('down', DOWN)])
        if shutil.which('tig') and os.path.isdir('.git'):
            measure('tig', ['tig'], [('down', DOWN), ('page', b' ')])
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, 'gpt2')
        subprocess.run([program, 'convert', '-m', GPT2, '-o', model], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for cols, rows in SIZES:
            measure_real(program, floor, model, cols, rows)


if __name__ == '__main__':
    main()
