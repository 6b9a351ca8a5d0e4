/* prompt.c - the line at the bottom while something is typed: a stage's name, a search, a sentence, a command. */
#include "view/twin.h"

#include "base/text.h"
#include "view/lesson.h"
#include "view/quiz.h"

#include <stdio.h>
#include <string.h>

enum { MATCHES_MAX = 8 };

static void say_full(App *app)
{
    app_say(app, ROLE_WARNING, _("this line holds %d bytes: the rest was left out"), PROMPT_MAX - 1);
}

void prompt_open(App *app, PromptKind kind, const char *text)
{
    Prompt *p = &app->prompt;
    snprintf(p->text, sizeof p->text, "%s", text);
    p->kind = kind;
    p->len = p->at = strlen(p->text);
    if (text[p->len]) { /* cut: at a whole character */
        while (p->len && ((unsigned char)text[p->len] & 0xc0) == 0x80)
            p->len--;
        p->text[p->at = p->len] = '\0';
        say_full(app);
    }
    p->choice = 0;
    p->chosen = 0;
    app->inspect.line_at = app->inspect.line_count;
}

/* ---- what the typed text matches ---- */

/* True where every word of `words` is a part of name. */
static bool contains_words(const char *name, const char *words)
{
    char word[STAGE_NAME_MAX];
    while (*words) {
        size_t n = strcspn(words, " ");
        if (n >= sizeof word)
            return false;
        memcpy(word, words, n);
        word[n] = '\0';
        if (!strstr(name, word))
            return false;
        words += n + (words[n] == ' ');
    }
    return true;
}

/* The stage of the n-th match, or -1; *total gets how many there are. */
static int stage_match(const App *app, int n, int *total)
{
    const Plan *plan = pass_plan(app->pass);
    char name[STAGE_NAME_MAX];
    int found = -1, count = 0;
    for (size_t i = 0; i < plan->count; i++)
        if (contains_words(stage_name(&plan->stages[i], name), app->prompt.text)) {
            if (count == n)
                found = (int)i;
            count++;
        }
    *total = count;
    return found;
}

static int command_match(const App *app, int n, int *total)
{
    int found = -1, count = 0;
    char word[PROMPT_MAX]; /* without what is typed behind the name */
    snprintf(word, sizeof word, "%.*s", (int)strcspn(app->prompt.text, " "), app->prompt.text);
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strstr(command_table[i].name, word)) {
            if (count == n)
                found = i;
            count++;
        }
    *total = count;
    return found;
}

static int match(const App *app, int n, int *total)
{
    *total = 0;
    if (app->prompt.kind == PROMPT_GOTO)
        return stage_match(app, n, total);
    if (app->prompt.kind == PROMPT_COMMAND)
        return command_match(app, n, total);
    return -1;
}

/* ---- accepting ---- */

/* What stands behind the command's name and the spaces there; "" where nothing does. Its name goes into `name`. */
static const char *argument_of(const Prompt *p, char name[PROMPT_MAX])
{
    size_t n = strcspn(p->text, " ");
    memcpy(name, p->text, n);
    name[n] = '\0';
    return p->text + n + strspn(p->text + n, " ");
}

CommandId prompt_command(const App *app)
{
    char name[PROMPT_MAX];
    return *argument_of(&app->prompt, name) ? COMMAND_NONE : command_find(name);
}

/* Runs a command with what is typed behind it; one alone is run by app.c. False where the line is to be mended. */
static bool run_line(App *app)
{
    char name[PROMPT_MAX], line[PROMPT_MAX];
    const char *argument = argument_of(&app->prompt, name);
    CommandId id = command_find(name);
    memcpy(line, app->prompt.text, app->prompt.len + 1);
    inspect_keep_line(app, line);
    if (id == COMMAND_NONE) {
        app_say(app, ROLE_ERROR, _("%s: no such command, or more than one begins so; ? lists them"), name);
        return !*argument;
    }
    size_t start = (size_t)(argument - app->prompt.text);
    app->inspect.wrong_at = 0;
    if (!*argument || inspect_command(app, id, line + start))
        return true;
    app->prompt.at = start + app->inspect.wrong_at; /* the cursor points at what is wrong */
    if (app->prompt.at > app->prompt.len)
        app->prompt.at = app->prompt.len;
    return false;
}

static void accept(App *app)
{
    Prompt *p = &app->prompt;
    PromptKind kind = p->kind;
    int total, found = match(app, p->choice, &total);
    p->kind = PROMPT_NONE;
    switch (kind) {
    case PROMPT_GOTO:
        if (found < 0) {
            app_say(app, ROLE_ERROR, _("%s: no stage has that in its name"), p->text);
        } else {
            app_jump(app, (size_t)found);
            if (app->view != VIEW_MAP)
                app->view = VIEW_STEP;
        }
        break;
    case PROMPT_SEARCH:
        if (p->len)
            snprintf(app->search, sizeof app->search, "%s", p->text);
        (app->view == VIEW_WEIGHT  ? weight_search
         : app->view == VIEW_NEXT  ? next_search
         : app->view == VIEW_CACHE ? cache_search
         : app->view == VIEW_HELP  ? help_search
                                   : matrix_search)(app, app->search);
        break;
    case PROMPT_TEXT:
        if (app->model->config.kind == KIND_ENCODER_DECODER) {
            snprintf(app->pending, sizeof app->pending, "%s", p->text);
            prompt_open(app, PROMPT_TARGET, "");
        } else if (!app_set_input(app, p->text, NULL)) {
            p->kind = kind; /* what was typed stays, to be mended */
        }
        break;
    case PROMPT_TARGET:
        if (!app_set_input(app, app->pending, p->len ? p->text : NULL)) {
            Error e = {{0}};
            snprintf(e.text, sizeof e.text, "%s", app->message);
            prompt_open(app, PROMPT_TEXT, app->pending);
            app_say(app, ROLE_ERROR, "%s", e.text);
        }
        break;
    case PROMPT_TWIN_TEXT:
        if (p->len && !twin_set_text(app, p->text))
            p->kind = kind;
        break;
    case PROMPT_EDIT:
        if (p->len && !app_add_edit(app, p->text))
            p->kind = kind;
        break;
    case PROMPT_SPOILT: tracing_set_text(app, p->text); break;
    case PROMPT_ANSWER:
        if (!quiz_accept(app, p->text))
            p->kind = kind; /* what was typed stays, to be mended */
        break;
    case PROMPT_LESSON:
        if (!lesson_accept(app, p->text))
            p->kind = kind;
        break;
    case PROMPT_COMMAND:
        if (!run_line(app))
            p->kind = kind; /* what was typed stays, to be mended */
        break;
    case PROMPT_EXPORT:
    case PROMPT_SAVE:
        if (!(kind == PROMPT_EXPORT ? export_accept(app, p->text) : session_accept(app, p->text)))
            p->kind = kind;
        break;
    default:
        break;
    }
}

/* ---- completing ---- */

typedef struct Completion {
    char common[PROMPT_MAX]; /* what all matches begin with */
    char list[160];          /* the matches, as far as they fit */
    int count;
} Completion;

static bool collect(void *context, const char *token)
{
    Completion *c = context;
    size_t n = strlen(token);
    if (n >= sizeof c->common)
        return true;
    size_t listed = strlen(c->list);
    bool cut = listed >= strlen("…") && strcmp(c->list + listed - strlen("…"), "…") == 0;
    if (!cut && listed + n + sizeof " …" < sizeof c->list)
        snprintf(c->list + listed, sizeof c->list - listed, " %s", token);
    else if (!cut)
        snprintf(c->list + listed, sizeof c->list - listed, " …");
    if (c->count++ == 0) {
        memcpy(c->common, token, n + 1);
        return true;
    }
    size_t i = 0;
    while (c->common[i] && c->common[i] == token[i])
        i++;
    while (i && ((unsigned char)c->common[i] & 0xc0) == 0x80) /* not inside a character */
        i--;
    c->common[i] = '\0';
    return true;
}

static bool insert(Prompt *p, const char *s, size_t n)
{
    if (p->len + n >= sizeof p->text)
        return false;
    memmove(p->text + p->at + n, p->text + p->at, p->len - p->at + 1);
    memcpy(p->text + p->at, s, n);
    p->at += n;
    p->len += n;
    return true;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

/* Offers the stages, the weights and the words of the expression language that begin with what stands before the cursor; a name near the
 * stage one stands at may be its last part alone. */
static void complete_name(App *app, Completion *c)
{
    Prompt *p = &app->prompt;
    const Plan *plan = pass_plan(app->pass);
    const Weights *weights = &app->model->weights;
    size_t start = p->at, first, end;
    char name[STAGE_NAME_MAX], prefix[PROMPT_MAX];
    while (start && is_name_char(p->text[start - 1]))
        start--;
    size_t n = p->at - start;
    snprintf(prefix, sizeof prefix, "%.*s", (int)n, p->text + start);
    for (size_t i = 0; i < plan->count; i++)
        if (strncmp(stage_name(&plan->stages[i], name), prefix, n) == 0)
            collect(c, name);
    for (size_t i = 0; i < weights->count; i++)
        if (strncmp(weights->items[i].name, prefix, n) == 0)
            collect(c, weights->items[i].name);
    plan_sub(plan, app->at, &first, &end);
    for (size_t i = first; i < end; i++)
        if (strncmp(stage_table[plan->stages[i].kind].id, prefix, n) == 0)
            collect(c, stage_table[plan->stages[i].kind].id);
    for (size_t i = 0; p->kind == PROMPT_COMMAND && expression_word(i).name; i++)
        if (strncmp(expression_word(i).name, prefix, n) == 0) {
            snprintf(name, sizeof name, "%s%s", expression_word(i).name, *expression_word(i).arguments ? "(" : "");
            collect(c, name);
        }
    if (c->count == 0)
        app_say(app, ROLE_WARNING, _("nothing begins with '%s'"), prefix);
    else if (strlen(c->common) > n)
        insert(p, c->common + n, strlen(c->common) - n);
    else if (c->count > 1)
        app_say(app, ROLE_BADGE, _("%d names begin with '%s':%s"), c->count, prefix, c->list);
}

static void complete(App *app)
{
    Prompt *p = &app->prompt;
    Completion c = {.count = 0};
    if (p->kind == PROMPT_EDIT || (p->kind == PROMPT_COMMAND && strchr(p->text, ' '))) {
        complete_name(app, &c);
        return;
    }
    if (p->kind == PROMPT_COMMAND || p->kind == PROMPT_GOTO) {
        int total, found = match(app, p->choice, &total);
        char name[STAGE_NAME_MAX];
        if (found >= 0)
            prompt_open(app, p->kind, p->kind == PROMPT_COMMAND ? command_table[found].name : stage_name(&pass_plan(app->pass)->stages[found], name));
        return;
    }
    if (p->kind == PROMPT_EXPORT || p->kind == PROMPT_SAVE || p->kind == PROMPT_ANSWER)
        return;
    size_t start = p->at;
    while (start && p->text[start - 1] != ' ')
        start--;
    char prefix[PROMPT_MAX];
    snprintf(prefix, sizeof prefix, "%.*s", (int)(p->at - start), p->text + start);
    if (!vocab_has_text(app->model->vocab)) {
        app_say(app, ROLE_WARNING, "%s", _("this model has no words: give ids, separated by commas"));
        return;
    }
    const char *word = prefix; /* where words follow each other without spaces, the longest end of it that begins one */
    vocab_complete(app->model->vocab, word, collect, &c);
    while (c.count == 0 && *word && vocab_split(app->model->vocab) == SPLIT_LONGEST_MATCH) {
        do
            word++;
        while (((unsigned char)*word & 0xc0) == 0x80);
        if (*word)
            vocab_complete(app->model->vocab, word, collect, &c);
    }
    size_t have = strlen(word);
    if (c.count == 0)
        app_say(app, ROLE_WARNING, _("no word begins with '%s'"), prefix);
    else if (strlen(c.common) > have)
        insert(p, c.common + have, strlen(c.common) - have);
    else if (c.count > 1)
        app_say(app, ROLE_BADGE, _("%d words begin with '%s':%s"), c.count, word, c.list);
    if (c.count == 1 && (unsigned char)c.common[0] < 0x80) /* Chinese goes on without a space */
        insert(p, " ", 1);
}

/* ---- keys ---- */

/* Bytes of the character before / at the place. */
static size_t before(const Prompt *p)
{
    size_t n = 0;
    while (n < p->at && ((unsigned char)p->text[p->at - ++n] & 0xc0) == 0x80)
        continue;
    return n;
}

static size_t after(const Prompt *p)
{
    size_t n = p->at < p->len;
    while (p->at + n < p->len && ((unsigned char)p->text[p->at + n] & 0xc0) == 0x80)
        n++;
    return n;
}

static void erase(Prompt *p, size_t from, size_t n)
{
    memmove(p->text + from, p->text + from + n, p->len - from - n + 1);
    p->len -= n;
    p->at = from;
    p->choice = 0;
}

static size_t encode(int32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Up and Down go through the lines typed before: with nothing chosen in the list of commands, or behind a command's name. */
static bool walk_lines(App *app, int by)
{
    Prompt *p = &app->prompt;
    bool walking = app->inspect.line_at < app->inspect.line_count;
    if (!walking && !strchr(p->text, ' ') && (by > 0 || p->choice > 0))
        return false;
    const char *line = inspect_line(app, by);
    if (line) {
        snprintf(p->text, sizeof p->text, "%s", line);
        p->len = p->at = strlen(p->text);
        p->choice = 0;
    }
    return line || walking;
}

bool prompt_key(App *app, int32_t key)
{
    Prompt *p = &app->prompt;
    int total;
    size_t chosen = p->chosen;
    p->chosen = 0;
    switch (key) {
    case K_ESC:
    case K_CTRL | 'c':
    case K_CTRL | 'g':
        p->kind = PROMPT_NONE;
        return true;
    case K_ENTER:
        accept(app);
        return true;
    case K_TAB:
        complete(app);
        return true;
    case K_UP:
    case K_DOWN:
        if (p->kind == PROMPT_COMMAND && walk_lines(app, key == K_UP ? -1 : 1))
            return true;
        match(app, 0, &total);
        p->choice += key == K_DOWN ? 1 : -1;
        if (p->choice >= total)
            p->choice = total - 1;
        if (p->choice < 0)
            p->choice = 0;
        return true;
    case K_LEFT: p->at -= before(p); return true;
    case K_RIGHT: p->at += after(p); return true;
    case K_HOME:
    case K_CTRL | 'a': p->at = 0; return true;
    case K_END:
    case K_CTRL | 'e': p->at = p->len; return true;
    case K_BACKSPACE: {
        size_t n = before(p);
        erase(p, p->at - n, n);
        return true;
    }
    case K_DELETE: erase(p, p->at, after(p)); return true;
    case K_CTRL | 'u': erase(p, 0, p->at); return true;
    case K_CTRL | 'k': erase(p, p->at, p->len - p->at); return true;
    case K_CTRL | 'w': {
        size_t from = p->at;
        while (from && p->text[from - 1] == ' ')
            from--;
        while (from && p->text[from - 1] != ' ')
            from--;
        erase(p, from, p->at - from);
        return true;
    }
    default:
        if (key >= 0x20 && key < 0x110000 && key != 0x7f) {
            char bytes[4];
            if (chosen) { /* *=2 and +=… say it with another sign than the one that was offered */
                chosen += key == '*' || key == '+' || key == '=';
                erase(p, p->len - chosen, chosen);
            }
            if (!insert(p, bytes, encode(key, bytes)))
                say_full(app);
            p->choice = 0;
            return true;
        }
        return false;
    }
}

/* ---- drawing ---- */

static const char *label(const App *app)
{
    bool words = vocab_has_text(app->model->vocab);
    switch (app->prompt.kind) {
    case PROMPT_GOTO: return _("goto: ");
    case PROMPT_SEARCH: return _("search: ");
    case PROMPT_TEXT: return words ? _("text (Tab completes, C-u clears): ") : _("ids, such as 1,2,3: ");
    case PROMPT_TARGET: return words ? _("decoder's text (empty: its own output): ") : _("decoder's ids (empty: its own output): ");
    case PROMPT_TWIN_TEXT: return words ? _("beside it (Tab completes): ") : _("beside it, ids such as 1,2,3: ");
    case PROMPT_EDIT: return _("edit: ");
    case PROMPT_SPOILT: return _("other text (empty: noise): ");
    case PROMPT_COMMAND: return ":";
    case PROMPT_EXPORT: return _("write to: ");
    case PROMPT_SAVE: return _("save to: ");
    case PROMPT_ANSWER: return quiz_prompt(app);
    case PROMPT_LESSON: return lesson_prompt(app);
    default: return "";
    }
}

static void draw_matches(const App *app, Canvas *c, Rect area)
{
    const Prompt *p = &app->prompt;
    int total;
    match(app, 0, &total);
    int rows = total < MATCHES_MAX ? total : MATCHES_MAX;
    if (rows > area.rows - 2)
        rows = area.rows - 2;
    if (rows < 1)
        return;
    int first = p->choice < rows ? 0 : p->choice - rows + 1;
    int top = area.row + area.rows - rows;
    for (int i = 0; i < rows; i++) {
        int found = match(app, first + i, &total);
        Role role = first + i == p->choice ? ROLE_CHOICE : ROLE_MENU;
        canvas_fill(c, top + i, area.col, area.cols, 1, role, " ");
        if (p->kind == PROMPT_GOTO) {
            const Stage *s = &pass_plan(app->pass)->stages[found];
            char name[STAGE_NAME_MAX];
            canvas_put(c, top + i, area.col + 2, 30, role, stage_name(s, name));
            canvas_put_cut(c, top + i, area.col + 34, area.cols - 35, role, _(stage_table[s->kind].title));
        } else {
            char key[16];
            canvas_put(c, top + i, area.col + 2, 18, role, command_table[found].name);
            canvas_put(c, top + i, area.col + 21, 9, role, command_key((CommandId)found, key));
            canvas_put_cut(c, top + i, area.col + 31, area.cols - 32, role, _(command_table[found].what));
        }
    }
}

/* area is everything above the last row, on which the prompt itself is drawn. */
void prompt_draw(App *app, Canvas *c, Rect area)
{
    Prompt *p = &app->prompt;
    int row = area.row + area.rows;
    draw_matches(app, c, area);
    if (app->message[0]) { /* what was wrong with it, whole */
        int lines = canvas_text_width(c, app->message) / (area.cols - 2) + 1;
        canvas_fill(c, row - lines - 1, 0, area.cols, lines + 1, ROLE_TEXT, " ");
        canvas_put_wrapped(c, row - lines - 1, 1, area.cols - 2, lines + 1, app->message_role, app->message);
    }
    canvas_fill(c, row, 0, area.cols, 1, ROLE_TEXT, " ");
    int col = canvas_put(c, row, 0, area.cols / 2, ROLE_KEY, label(app));
    char head[PROMPT_MAX];
    memcpy(head, p->text, p->at);
    head[p->at] = '\0';
    int room = area.cols - col - 1, used = canvas_text_width(c, head);
    const char *from = p->text;
    while (used > room && *from) { /* what is typed scrolls so that its end is seen */
        char one[8] = {*from};
        size_t n = 1;
        for (; ((unsigned char)from[n] & 0xc0) == 0x80 && n + 1 < sizeof one; n++)
            one[n] = from[n];
        from += n;
        used -= canvas_text_width(c, one);
    }
    canvas_put(c, row, col, room, ROLE_TEXT, from);
    if (p->chosen) /* the cursor is behind it */
        canvas_restyle(c, row, col + used - (int)p->chosen, (int)p->chosen, 1, ROLE_CHOICE);
    c->cursor_row = row;
    c->cursor_col = col + used;
}
