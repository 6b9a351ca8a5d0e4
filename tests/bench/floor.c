/* floor.c - the least that a full-screen program can do: raw keys, the alternate screen, one frame in one write, one key.
 *
 * What a start costs before any program has done anything: terminal.py sets the start of the debugger beside it. */
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { FRAME_MAX = 1 << 20 };
static char frame[FRAME_MAX];

int main(void)
{
    struct termios saved, raw;
    struct winsize size = {0};
    if (tcgetattr(STDIN_FILENO, &saved) != 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 2;
    raw = saved;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    int n = snprintf(frame, FRAME_MAX, "\033[?1049h\033[?25l");
    for (int row = 0; row < size.ws_row && n + size.ws_col + 32 < FRAME_MAX; row++) {
        n += snprintf(frame + n, (size_t)(FRAME_MAX - n), "\033[%d;1H%s", row + 1, row ? "\033[m" : "\033[7m");
        for (int col = 0; col < size.ws_col; col++)
            frame[n++] = (char)('!' + (row * 7 + col) % 90);
    }
    char key;
    int status = write(STDOUT_FILENO, frame, (size_t)n) == n && read(STDIN_FILENO, &key, 1) == 1 ? 0 : 2;
    tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    return write(STDOUT_FILENO, "\033[?25h\033[?1049l", 14) == 14 ? status : 2;
}
