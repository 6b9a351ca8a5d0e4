/* convert.c - the subcommand `convert`: any model that can be opened, in this program's own format.
 *
 * Owns the folder's card and that the folder appears whole or not at all. What else is in it is native.c's. */
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const OptionId taken[] = {OPTION_MODEL, OPTION_TOKENIZER, OPTION_OUTPUT, OPTION_END};

static const OptionNote notes[] = {{OPTION_OUTPUT, "FOLDER", N_("the folder to write: a new one, or an empty one")},
                                   {OPTION_END, NULL, NULL}};

static const CommandSpec spec = {
    .name = "convert",
    .what = N_("Writes a model in stepformer's own format: config.json with every key, named\n"
               "weights in model.safetensors, the tokenizer, and a card that says where it came\n"
               "from. Any model that can be opened is taken: Hugging Face, GGUF, nanoGPT,\n"
               "minGPT, llama2.c. The logits of the copy are the same to the last bit."),
    .example = "stepformer convert -m hand-wired -o copy\n"
               "stepformer convert -m random:d_model=8,seed=3 -o tiny",
    .options = taken,
    .notes = notes,
};

/* ---- the card ---- */

/* How the weights were stored: each format with how many weights, "F32 (20), BF16 (3)". */
static void add_formats(const Model *m, Buffer *out)
{
    const char *before = "";
    for (Dtype t = DTYPE_REAL + 1; t < DTYPE_OTHER; t++) {
        size_t count = 0;
        for (size_t i = 0; i < m->weights.count; i++)
            count += strcmp(dtype_name(m->weights.items[i].values.dtype), dtype_name(t)) == 0;
        if (count) {
            buffer_printf(out, "%s%s (%zu)", before, dtype_name(t), count);
            before = ", ";
        }
    }
}

static size_t count_of_layout(const Model *m, Layout layout)
{
    size_t count = 0;
    for (size_t i = 0; i < m->weights.count; i++)
        count += m->weights.items[i].rank == 2 && m->weights.items[i].values.layout == layout;
    return count;
}

/* "tokenizer.json"; a translator has three files. Nothing where there are none. */
static void add_vocab_files(const Model *m, Buffer *out)
{
    const char *const *names = vocab_files(m->vocab);
    for (size_t i = 0; names[i]; i++)
        buffer_printf(out, "%s%s", i ? ", " : "", names[i]);
}

/* The notes a line each, as a list. */
static void add_notes(const char *lines, Buffer *out)
{
    while (lines && *lines) {
        size_t n = strcspn(lines, "\n");
        buffer_puts(out, "- ");
        buffer_add(out, lines, n);
        buffer_putc(out, '\n');
        lines += n + (lines[n] == '\n');
    }
}

static void write_card(const Model *m, const char *name, Buffer *out)
{
    Buffer formats = {0}, config = {0}, vocab = {0};
    size_t turned = count_of_layout(m, TRANSPOSED);
    add_formats(m, &formats);
    config_describe(&m->config, &config);
    buffer_printf(out, "# %s\n\n", name);
    if (m->untrained)
        buffer_printf(out, _("Converted from %s: untrained, its weights are random\n\n"), m->name);
    else if (m->summary && m->summary[0] && strlen(m->summary) < 300)
        buffer_printf(out, _("Converted from %s: %s\n\n"), m->name, m->summary);
    else
        buffer_printf(out, _("Converted from %s\n\n"), m->name);
    buffer_printf(out, "%s\n\n", buffer_text(&config));
    buffer_puts(out, _("What was converted:\n\n"));
    buffer_printf(out, _("- weights: %s, now all %s\n"), buffer_text(&formats), dtype_name(DTYPE_REAL));
    if (turned)
        buffer_printf(out,
                      ngettext("- layout: %zu matrix was [outputs, inputs]; all are [inputs, outputs] now, y = x W + b\n",
                               "- layout: %zu matrices were [outputs, inputs]; all are [inputs, outputs] now, y = x W + b\n", turned),
                      turned);
    if (m->config.position == POSITION_ROPE)
        buffer_printf(out, _("- RoPE: the columns of W_Q and W_K are in the order they had, rope_pairing is \"%s\"\n"),
                      m->config.rope_pairing == PAIRING_HALF ? "half" : "interleaved");
    add_vocab_files(m, &vocab);
    if (vocab.len)
        buffer_printf(out, _("- tokenizer: %s\n"), buffer_text(&vocab));
    else
        buffer_puts(out, _("- tokenizer: none; texts are given as ids\n"));
    add_notes(m->notes, out);
    out->failed = out->failed || formats.failed || config.failed || vocab.failed;
    buffer_free(&formats);
    buffer_free(&config);
    buffer_free(&vocab);
}

/* ---- the folder ---- */

static int write_file(const char *folder, const char *name, const void *bytes, size_t n, Error *e)
{
    char *path = file_join(folder, name);
    int status = path ? file_write(path, bytes, n, e) : error_memory(e, folder);
    free(path);
    return status;
}

/* How a model was trained says how it is scored, and without which part it runs: it goes along. */
static int copy_recipe(const Model *m, const char *folder, Error *e)
{
    char *path = m->path && file_is_folder(m->path) ? file_join(m->path, "recipe.json") : NULL;
    File file;
    int status = 0;
    if (path && file_exists(path) && (status = file_open(&file, path, e)) == 0) {
        status = write_file(folder, "recipe.json", file.data, file.size, e);
        file_close(&file);
    }
    free(path);
    return status;
}

/* Takes away a folder of files that was being written. */
static void remove_folder(const char *folder)
{
    static const char *const names[] = {"config.json",    "model.safetensors", "vocab.txt", "tokenizer.bin", "tokenizer.json",
                                        "source.spm",     "target.spm",        "vocab.json", "recipe.json", "README.md"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = file_join(folder, names[i]);
        if (path)
            unlink(path);
        free(path);
    }
    rmdir(folder);
}

static int fill_folder(const Model *m, const char *folder, const char *name, Error *e)
{
    Buffer card = {0};
    write_card(m, name, &card);
    int status = card.failed ? error_memory(e, folder) : model_save(m, folder, e);
    if (status == 0)
        status = copy_recipe(m, folder, e);
    if (status == 0)
        status = write_file(folder, "README.md", card.data, card.len, e);
    buffer_free(&card);
    return status;
}

/* The folder that a new one goes into must be there. */
static int check_parent(const char *folder, Error *e)
{
    const char *slash = strrchr(folder, '/');
    char *parent = slash ? strndup(folder, slash == folder ? 1 : (size_t)(slash - folder)) : strdup(".");
    int status = parent ? 0 : error_memory(e, folder);
    if (parent && !file_is_folder(parent))
        status = error_set(e, "%s: expected a folder to write into, found %s; try 'mkdir -p' first", parent,
                           file_exists(parent) ? _("a file") : _("nothing of that name"));
    else if (parent && access(parent, W_OK) != 0)
        status = error_set(e, "%s: cannot be written: %s", parent, strerror(errno));
    free(parent);
    return status;
}

/* A folder that is there must be empty. */
static int check_folder(const char *folder, Error *e)
{
    DIR *dir = opendir(folder);
    bool empty = true;
    if (!dir && errno != ENOENT)
        return error_set(e, "%s: cannot be written: %s", folder, strerror(errno));
    if (!dir && file_exists(folder))
        return error_set(e, "%s: expected a new or an empty folder, found a symbolic link to nothing; try another name", folder);
    if (!dir)
        return check_parent(folder, e);
    for (struct dirent *entry; empty && (entry = readdir(dir));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(dir);
    return empty ? 0 : error_set(e, "%s: expected a new or an empty folder, found something in it; try another name", folder);
}

/* What was asked to end while it writes takes its folder away first, and then ends so. */
static volatile sig_atomic_t ended_by;

static void on_end(int number)
{
    ended_by = number;
    file_give_up();
}

/* Writes into a folder beside it, which then takes its name: what is there under that name is whole. */
static int write_folder(const Model *m, const char *folder, Error *e)
{
    const char *slash = strrchr(folder, '/'), *name = slash ? slash + 1 : folder;
    Buffer part = {0};
    if (check_folder(folder, e) != 0)
        return -1;
    buffer_printf(&part, "%s.part-%ld", folder, (long)getpid());
    if (part.failed) {
        buffer_free(&part);
        return error_memory(e, folder);
    }
    output_catch_ends(on_end);
    const char *beside = buffer_text(&part);
    bool there = file_exists(beside);
    int status =
        there ? error_set(e, "%s: expected no such folder, found one; try to take it away", beside) : fill_folder(m, beside, name, e);
    if (status == 0 && rename(beside, folder) != 0)
        status = error_set(e, "%s: cannot be written: %s; try another name", folder, strerror(errno));
    if (status != 0 && !there)
        remove_folder(beside);
    buffer_free(&part);
    if (ended_by && status != 0) {
        signal(ended_by, SIG_DFL);
        raise(ended_by);
    }
    return status;
}

/* ---- the subcommand ---- */

static void say_result(const Model *m, const char *folder)
{
    printf(ngettext("%s: config.json, model.safetensors (%zu number, %s), ", "%s: config.json, model.safetensors (%zu numbers, %s), ",
                    m->weights.total),
           folder, m->weights.total, dtype_name(DTYPE_REAL));
    for (const char *const *name = vocab_files(m->vocab); *name; name++)
        printf("%s, ", *name);
    printf("README.md\n");
}

static int run(const Options *o, Error *e)
{
    const char *given = o->value[OPTION_OUTPUT];
    if (!given || !given[0] || strcmp(given, "-") == 0)
        return error_set(e, "-o: expected a folder's name, found %s; try -o FOLDER", given ? _("no name of one") : _("none"));
    char *folder = strdup(given);
    if (!folder)
        return error_memory(e, given);
    for (size_t n = strlen(folder); n > 1 && folder[n - 1] == '/'; n--)
        folder[n - 1] = '\0';
    Model *m = check_folder(folder, e) == 0 ? cli_open_model(o, e) : NULL;
    int status = m ? write_folder(m, folder, e) : -1;
    if (status == 0)
        say_result(m, folder);
    model_free(m);
    free(folder);
    return status;
}

int cli_convert(int argc, char **argv)
{
    Options o;
    Error e = {{0}};
    int status;
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    status = run(&o, &e);
    options_free(&o);
    return status == 0 ? CLI_DONE : cli_wrong(&e);
}
