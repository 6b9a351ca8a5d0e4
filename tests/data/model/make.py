#!/usr/bin/env python3
"""Makes the model files that the tests read, with Python's standard library only, so that no line of
stepformer's own writers is behind them. Run in this folder; the results are kept in git.

Element i of the tensor with index t in reference.py's order is ((7 i + t) mod 128) / 16: exact in every type.
Float j of the checkpoint is j.
"""
import json
import os
import struct


def half(x):
    return struct.pack("<e", x)


def bfloat(x):
    return struct.pack("<f", x)[2:]


PACK = {"F64": lambda x: struct.pack("<d", x), "F32": lambda x: struct.pack("<f", x), "F16": half, "BF16": bfloat,
        "I64": lambda x: struct.pack("<q", x), "BOOL": lambda x: struct.pack("<B", x)}


def safetensors(path, tensors, metadata=None, pad=0):
    """tensors: name -> (dtype, shape, values); data in the order given, header sorted by name."""
    data, entries = b"", {}
    for name, (dtype, shape, values) in tensors.items():
        begin = len(data)
        data += b"".join(PACK[dtype](v) for v in values)
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, len(data)]}
    header = {"__metadata__": metadata} if metadata else {}
    header.update(sorted(entries.items()))
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8 + pad)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def count(shape):
    n = 1
    for s in shape:
        n *= s
    return n


CONFIG = {
    "kind": "decoder", "d_model": 4, "n_heads": 2, "n_kv_heads": 1, "d_head": None, "d_ff": 6, "decoder_layers": 1,
    "vocab_size": 7, "max_len": 8, "position": "learned", "activation": "relu",
    "tokens": {"bos": "<s>", "eos": 1, "pad": None}, "split": "words", "dimensions": ["红", "animal", "verb", "end"],
}
SHAPES = [
    ("decoder.embed.W_E", [7, 4]), ("decoder.embed.W_P", [8, 4]),
    ("decoder.0.self.norm.gain", [4]), ("decoder.0.self.norm.bias", [4]),
    ("decoder.0.self.W_Q", [4, 4]), ("decoder.0.self.b_Q", [4]), ("decoder.0.self.W_K", [4, 2]), ("decoder.0.self.b_K", [2]),
    ("decoder.0.self.W_V", [4, 2]), ("decoder.0.self.b_V", [2]), ("decoder.0.self.W_O", [4, 4]), ("decoder.0.self.b_O", [4]),
    ("decoder.0.ffn.norm.gain", [4]), ("decoder.0.ffn.norm.bias", [4]),
    ("decoder.0.ffn.W_1", [4, 6]), ("decoder.0.ffn.b_1", [6]), ("decoder.0.ffn.W_2", [6, 4]), ("decoder.0.ffn.b_2", [4]),
    ("decoder.final_norm.gain", [4]), ("decoder.final_norm.bias", [4]),
]


def model(folder, dtypes, pad=0):
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/config.json", "w", encoding="utf-8") as f:
        json.dump(CONFIG, f, ensure_ascii=False, indent=1)
        f.write("\n")
    with open(folder + "/vocab.txt", "w", encoding="utf-8") as f:
        f.write("<s>\n</s>\nthe\ncat\n,\n\\n\na\\tb\\\\\n")
    tensors = {}
    for t, (name, shape) in reversed(list(enumerate(SHAPES))):
        values = [((7 * i + t) % 128) / 16 for i in range(count(shape))]
        tensors[name] = (dtypes[t % len(dtypes)], shape, values)
    safetensors(folder + "/model.safetensors", tensors, {"format": "pt"}, pad)


def checkpoint(path, dim, hidden, layers, heads, kv_heads, vocab, seq, shared):
    head = dim // heads
    n = vocab * dim + layers * (2 * dim + 2 * dim * dim + 2 * dim * kv_heads * head + 3 * dim * hidden) + dim + seq * head
    n += 0 if shared else vocab * dim
    with open(path, "wb") as f:
        f.write(struct.pack("<7i", dim, hidden, layers, heads, kv_heads, vocab if shared else -vocab, seq))
        f.write(struct.pack("<%df" % n, *range(n)))


def tokenizer(path, tokens):
    with open(path, "wb") as f:
        f.write(struct.pack("<i", max(len(t) for t, _ in tokens)))
        for text, score in tokens:
            f.write(struct.pack("<fi", score, len(text)) + text)


PIECES = [" a", "he", " t", " the", "in", "ab", "ba", "aba", " ab", "bb", "我爱"]
LETTERS = " abehint我爱"


def tokens():
    out = [(b"<unk>", 0.0), (b"\n<s>\n", 0.0), (b"\n</s>\n", 0.0)]
    out += [(b"<0x%02X>" % i, 0.0) for i in range(256)]
    out += [(p.encode(), -float(i)) for i, p in enumerate(PIECES)]
    out += [(c.encode(), -100.0 - i) for i, c in enumerate(LETTERS)]
    return out


if __name__ == "__main__":
    model("tiny", ["F32"])
    with open("tiny/README.md", "w", encoding="utf-8") as f:
        f.write("# tiny\n\nSays nothing, in one layer.\nA second line.\n")
    model("mixed", ["F16", "F32", "BF16", "F64"])
    model("unaligned", ["F32"], pad=1)
    inf = float("inf")
    safetensors("types.safetensors", {
        "f16": ("F16", [2, 3], [1.0, -2.0, 65504.0, 2.0 ** -24, inf, -0.0]),
        "bf16": ("BF16", [3], [1.0, -3.140625, inf]),
        "f32": ("F32", [1, 1, 2], [0.1, -1e30]),
        "f64": ("F64", [], [0.1]),
        "i64": ("I64", [1], [7]),
        "none": ("F32", [0, 5], []),
        "flag": ("BOOL", [3], [1, 0, 1]),
    })
    vocabulary = tokens()
    safetensors("two.safetensors", {"output.W_U": ("F32", [1, 2], [1.0, 2.0]), "decoder.embed.W_E": ("F16", [2, 1], [3.0, 4.0])})
    checkpoint("shared.bin", 4, 6, 2, 2, 1, len(vocabulary), 3, True)
    checkpoint("unshared.bin", 4, 6, 1, 2, 2, 5, 3, False)
    tokenizer("tok%d.bin" % len(vocabulary), vocabulary)
