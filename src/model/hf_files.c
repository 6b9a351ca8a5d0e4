/* hf_files.c - the safetensors files of a folder: one, or the shards that an index lists.
 *
 * Owns their mappings until a model's weights take them over. Trusts no name in the index. */
#include "model/hf_internal.h"

#include "base/text.h"
#include "model/nearest.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static const char SINGLE[] = "model.safetensors", INDEX[] = "model.safetensors.index.json";

enum { SHARDS_MAX = 4096, INDEX_MAX_BYTES = 64 << 20 };

void hf_files_close(HfFiles *f)
{
    for (size_t i = 0; i < f->count; i++)
        safetensors_close(&f->shards[i]);
    free(f->shards);
    free(f->folder);
    *f = (HfFiles){0};
}

const SafeTensor *hf_files_find(const HfFiles *f, const char *name, size_t *shard)
{
    for (size_t i = 0; i < f->count; i++) {
        const SafeTensor *t = safetensors_find(&f->shards[i], name);
        if (t) {
            *shard = i;
            return t;
        }
    }
    return NULL;
}

static bool has_file(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    bool has = path && file_exists(path);
    free(path);
    return has;
}

static int open_file(HfFiles *f, const char *name, Error *e)
{
    SafeTensors *more = realloc(f->shards, (f->count + 1) * sizeof *more);
    char *path = file_join(f->folder, name);
    f->shards = more ? more : f->shards;
    int status = more && path ? safetensors_open(&f->shards[f->count], path, e) : error_memory(e, f->folder);
    f->count += status == 0;
    free(path);
    return status;
}

/* The shard with that file name, opened already or now; -1 with e set. */
static int shard_named(HfFiles *f, const char *name, const char *index, Error *e)
{
    char quoted[QUOTE_SHORT];
    quote_short(name, strlen(name), quoted);
    if (!name[0] || strchr(name, '/') || name[0] == '.' || !name_ends_with(name, ".safetensors"))
        return error_set(e, "%s: weight_map: expected the name of a *.safetensors file in this folder, found %s", index, quoted);
    for (size_t i = f->count; i-- > 0;)
        if (strcmp(f->shards[i].path + strlen(f->folder) + 1, name) == 0)
            return (int)i;
    if (f->count == SHARDS_MAX)
        return error_set(e, "%s: weight_map: expected at most %d shards, found more", index, SHARDS_MAX);
    if (!has_file(f->folder, name))
        return error_set(e, "%s: weight_map: expected the shard %s in this folder, found no such file; was it downloaded completely?",
                         index, quoted);
    return open_file(f, name, e) == 0 ? (int)f->count - 1 : -1;
}

/* Opens every shard of the map, and checks that each tensor is in the shard that it names. */
static int open_shards(HfFiles *f, json_t *map, const char *index, Error *e)
{
    const char *name;
    json_t *file;
    char quoted[QUOTE_SHORT], found[FOUND_MAX];
    json_object_foreach(map, name, file)
    {
        if (!json_is_string(file))
            return error_set(e, "%s: weight_map: %s: expected a file's name, found %s", index, quote_short(name, strlen(name), quoted),
                             found_describe(file, found));
        int shard = shard_named(f, json_string_value(file), index, e);
        if (shard < 0)
            return -1;
        if (!safetensors_find(&f->shards[shard], name))
            return error_set(e, "%s: weight_map: %s: expected this tensor in %s, found none there", index,
                             quote_short(name, strlen(name), quoted), json_string_value(file));
    }
    return 0;
}

/* What the shards hold is in the map, and each tensor in one of them. */
static int check_shards(const HfFiles *f, json_t *map, const char *index, Error *e)
{
    char quoted[QUOTE_SHORT];
    for (size_t i = 0; i < f->count; i++)
        for (size_t k = 0; k < f->shards[i].count; k++) {
            const char *name = f->shards[i].items[k].name, *file = f->shards[i].path + strlen(f->folder) + 1;
            const char *listed = json_string_value(json_object_get(map, name));
            if (!listed)
                return error_set(e, "%s: weight_map: expected the tensor %s, which is in %s, to be listed, found it left out", index,
                                 quote_short(name, strlen(name), quoted), file);
            if (strcmp(listed, file) != 0)
                return error_set(e, "%s: weight_map: %s: expected this tensor in one shard, found it in %s and in %s", index,
                                 quote_short(name, strlen(name), quoted), listed, file);
        }
    return 0;
}

static int read_index(HfFiles *f, const char *index, Error *e)
{
    File file;
    char found[FOUND_MAX];
    if (file_open(&file, index, e) != 0)
        return -1;
    bool fits = file.size <= INDEX_MAX_BYTES;
    size_t size = file.size;
    json_t *root = fits ? found_json(file.data, file.size, JSON_REJECT_DUPLICATES, index, e) : NULL;
    file_close(&file);
    if (!fits)
        return error_set(e, "%s: expected at most %d bytes, found %zu", index, INDEX_MAX_BYTES, size);
    if (!root)
        return -1;
    json_t *map = json_object_get(root, "weight_map");
    int status = -1;
    if (!json_is_object(map) || json_object_size(map) == 0)
        error_set(e, "%s: weight_map: expected an object that says which shard each tensor is in, found %s", index,
                  found_describe(map, found));
    else if (open_shards(f, map, index, e) == 0)
        status = check_shards(f, map, index, e);
    json_decref(root);
    return status;
}

/* What to say of a file of weights that is not read, and in *rank how likely it is the model, 0 the most; NULL for what is none. */
static const char *format_of(const char *name, size_t *rank)
{
    static const struct {
        const char *within, *end, *what;
    } formats[] = {
        {"", ".gguf", N_("which is a model of its own; try -m on that file")},
        {"", "adapter_model.safetensors", N_("which is an adapter, not a model; try merge_and_unload().save_pretrained(FOLDER) in Python")},
        {"-of-", ".safetensors", N_("which is a shard, but no index says what is in which; was it downloaded completely?")},
        {"", ".bin", N_("which is not read; try model.save_pretrained(FOLDER, safe_serialization=True) in Python")},
        {"", ".bin.index.json", N_("which is not read; try model.save_pretrained(FOLDER, safe_serialization=True) in Python")},
        {"", ".pth", N_("which is PyTorch's and not read; try safetensors.torch.save_file in Python")},
        {"", ".pt", N_("which is PyTorch's and not read; try safetensors.torch.save_file in Python")},
        {"", ".h5", N_("which is TensorFlow's and not read; try from_pretrained(…, from_tf=True).save_pretrained(FOLDER) in Python")},
        {"", ".msgpack", N_("which is Flax's and not read; try from_pretrained(…, from_flax=True).save_pretrained(FOLDER) in Python")},
        {"", ".onnx", N_("which is ONNX's and not read; try the same model as safetensors")},
        {"", ".safetensors", N_("which has another name; if it is the whole model, try to call it model.safetensors")},
    };
    for (*rank = 0; *rank < sizeof formats / sizeof *formats; ++*rank)
        if (name_ends_with(name, formats[*rank].end) && strstr(name, formats[*rank].within) &&
            strncmp(name, "training_args", strlen("training_args")) != 0)
            return formats[*rank].what;
    return NULL;
}

bool hf_other_weights(const char *folder, Buffer *out)
{
    char name[256] = "";
    const char *what = NULL;
    size_t least = 0, rank;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        const char *is = format_of(entry->d_name, &rank);
        if (is && (!what || rank < least || (rank == least && strcmp(entry->d_name, name) < 0))) {
            snprintf(name, sizeof name, "%s", entry->d_name);
            what = is;
            least = rank;
        }
    }
    if (dir)
        closedir(dir);
    if (what)
        buffer_printf(out, _("%s, %s"), name, _(what));
    else if (has_file(folder, "onnx"))
        buffer_printf(out, _("the folder onnx, %s"), _(format_of("model.onnx", &least)));
    return out->len > 0;
}

static int no_weights(const char *folder, Error *e)
{
    Buffer other = {0};
    if (hf_other_weights(folder, &other))
        error_set(e, "%s: expected %s or %s, found %s", folder, SINGLE, INDEX, buffer_text(&other));
    else
        error_set(e, "%s: expected %s or %s, found neither; was it downloaded completely?", folder, SINGLE, INDEX);
    buffer_free(&other);
    return -1;
}

int hf_files_open(HfFiles *f, const char *folder, Error *e)
{
    *f = (HfFiles){.folder = strdup(folder)};
    char *index = file_join(folder, INDEX);
    int status = -1;
    if (!f->folder || !index)
        error_memory(e, folder);
    else if (has_file(folder, SINGLE))
        status = open_file(f, SINGLE, e);
    else if (has_file(folder, INDEX))
        status = read_index(f, index, e);
    else
        no_weights(folder, e);
    free(index);
    if (status != 0)
        hf_files_close(f);
    return status;
}
