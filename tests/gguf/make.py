"""Makes the GGUF files in this folder, and the folders of tests/nanogpt, from the models of tests/hf and the tokenizers of tests/tokenizers.
Needs numpy.

    python3 tests/gguf/make.py

The writer and the quantiser are written from the formats' descriptions (gguf.md, ggml-common.h, quantize_row_q8_0_ref), the permutation of
W_Q's and W_K's rows from llama.cpp's converter. Where the numbers in a file are not those of tests/hf (Q8_0, BF16), what a pass computes from
them is recomputed by tests/hf/reference.py in float64. Of the other quantised formats any bytes are numbers: blocks are random, and read here
number by number, from the descriptions of ggml-common.h and the arithmetic of ggml-quants.c.
"""
import importlib.util
import json
import math
import os
import struct

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
spec = importlib.util.spec_from_file_location("reference", os.path.join(TESTS, "hf", "reference.py"))
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def read_safetensors(path):
    with open(path, "rb") as f:
        n, = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(n)), f.read()
    out = {}
    for name, t in header.items():
        if name == "__metadata__":
            continue
        a, b = t["data_offsets"]
        if t["dtype"] == "BF16":
            x = (np.frombuffer(data[a:b], "<u2").astype("<u4") << 16).view("<f4")
        else:
            x = np.frombuffer(data[a:b], {"F32": "<f4", "F16": "<f2"}[t["dtype"]])
        out[name] = x.astype("<f4").reshape(t["shape"])
    return out


# ---- GGUF ----

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
PACK = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q", F64: "d"}
FORMATS = {"F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q5_0": 6, "Q5_1": 7, "Q8_0": 8, "Q2_K": 10, "Q3_K": 11, "Q4_K": 12, "Q5_K": 13, "Q6_K": 14,
           "IQ4_NL": 20, "IQ4_XS": 23, "BF16": 30}


def text(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def value(kind, x):
    if kind == STRING:
        return text(x)
    if kind == ARRAY:
        of, items = x
        return struct.pack("<IQ", of, len(items)) + b"".join(value(of, i) for i in items)
    return struct.pack("<" + PACK[kind], x)


def quantise(x):
    """Q8_0: blocks of 32 along the last axis; the bytes, and the numbers that they stand for."""
    blocks = x.astype("<f4").reshape(-1, 32)
    d = np.abs(blocks).max(1, keepdims=True) / np.float32(127)
    inverse = np.where(d > 0, np.float32(1) / np.where(d > 0, d, 1), 0).astype("<f4")
    y = blocks * inverse
    q = (np.sign(y) * np.floor(np.abs(y) + 0.5)).astype("i1")  # roundf: halves away from 0
    half = d.astype("<f2")
    raw = np.concatenate([half.view("u1").reshape(-1, 2), q.view("u1")], 1).tobytes()
    return raw, (half.astype(np.float64) * q).reshape(x.shape)


# ---- blocks of any bytes ----

NONLINEAR = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]


def half(b, at):
    return np.frombuffer(b[at:at + 2], "<f2")[0].astype(np.float32)


def signed(x):
    return x - 256 if x > 127 else x


def scale_and_min(s, j):
    """Q4_K's and Q5_K's: six bits each of 8 pairs, in 12 bytes."""
    if j < 4:
        return s[j] & 63, s[j + 4] & 63
    return s[j + 4] & 15 | s[j - 4] >> 6 << 4, s[j + 4] >> 4 | s[j] >> 6 << 4


def q4_0(b, i):
    return half(b, 0) * np.float32((b[2 + i % 16] >> i // 16 * 4 & 15) - 8)


def q4_1(b, i):
    return half(b, 0) * np.float32(b[4 + i % 16] >> i // 16 * 4 & 15) + half(b, 2)


def q5_0(b, i):
    return half(b, 0) * np.float32((b[6 + i % 16] >> i // 16 * 4 & 15) + (int.from_bytes(b[2:6], "little") >> i & 1) * 16 - 16)


def q5_1(b, i):
    return half(b, 0) * np.float32((b[8 + i % 16] >> i // 16 * 4 & 15) + (int.from_bytes(b[4:8], "little") >> i & 1) * 16) + half(b, 2)


def q8_0(b, i):
    return half(b, 0) * np.float32(signed(b[2 + i]))


def q2_k(b, i):
    scale, q = b[i // 16], b[16 + i // 128 * 32 + i % 32] >> i // 32 % 4 * 2 & 3
    return half(b, 80) * np.float32(scale & 15) * np.float32(q) - half(b, 82) * np.float32(scale >> 4)


def q3_k(b, i):
    g = i // 16
    scale = (b[96 + g % 8] >> g // 8 * 4 & 15) + (b[104 + g % 4] >> g // 4 * 2 & 3) * 16 - 32
    q = (b[32 + i // 128 * 32 + i % 32] >> i // 32 % 4 * 2 & 3) - (0 if b[i % 32] >> i // 32 & 1 else 4)
    return half(b, 108) * np.float32(scale) * np.float32(q)


def q4_k(b, i):
    scale, least = scale_and_min(b[4:16], i // 32)
    return half(b, 0) * np.float32(scale) * np.float32(b[16 + i // 64 * 32 + i % 32] >> i // 32 % 2 * 4 & 15) - half(b, 2) * np.float32(least)


def q5_k(b, i):
    scale, least = scale_and_min(b[4:16], i // 32)
    q = (b[48 + i // 64 * 32 + i % 32] >> i // 32 % 2 * 4 & 15) + (b[16 + i % 32] >> i // 32 & 1) * 16
    return half(b, 0) * np.float32(scale) * np.float32(q) - half(b, 2) * np.float32(least)


def q6_k(b, i):
    q = (b[i // 128 * 64 + i % 64] >> i // 64 % 2 * 4 & 15) + (b[128 + i // 128 * 32 + i % 32] >> i // 32 % 4 * 2 & 3) * 16 - 32
    return half(b, 208) * np.float32(signed(b[192 + i // 16])) * np.float32(q)


def iq4_nl(b, i):
    return half(b, 0) * np.float32(NONLINEAR[b[2 + i % 16] >> i // 16 * 4 & 15])


def iq4_xs(b, i):
    k = i // 32
    scale = (b[4 + k // 2] >> k % 2 * 4 & 15) + (int.from_bytes(b[2:4], "little") >> 2 * k & 3) * 16 - 32
    return half(b, 0) * np.float32(scale) * np.float32(NONLINEAR[b[8 + 16 * k + i % 16] >> i % 32 // 16 * 4 & 15])


# numbers and bytes of a block; its halves, and how large they are to be, so that numbers are about 0.1
BLOCKS = {"Q4_0": (32, 18, {0: 0.02}, q4_0), "Q4_1": (32, 20, {0: 0.02, 2: -0.15}, q4_1), "Q5_0": (32, 22, {0: 0.01}, q5_0),
          "Q5_1": (32, 24, {0: 0.01, 2: -0.15}, q5_1), "Q8_0": (32, 34, {0: 0.0015}, q8_0), "IQ4_NL": (32, 18, {0: 0.002}, iq4_nl),
          "Q2_K": (256, 84, {80: 0.015, 82: 0.015}, q2_k), "Q3_K": (256, 110, {108: 0.003}, q3_k), "Q4_K": (256, 144, {0: 0.0006, 2: 0.004}, q4_k),
          "Q5_K": (256, 176, {0: 0.0003, 2: 0.004}, q5_k), "Q6_K": (256, 210, {208: 0.0001}, q6_k), "IQ4_XS": (256, 136, {0: 0.0001}, iq4_xs)}


class Blocks:
    """A tensor of random blocks: `raw`, and the numbers they stand for, float32."""
    ndim = 2

    def __init__(self, g, kind, shape, special=()):
        self.kind, self.shape = kind, shape
        numbers, size, halves, read = BLOCKS[kind]
        blocks = [bytearray(g.bytes(size)) for _ in range(shape[0] * shape[1] // numbers)]
        for b in blocks:
            for at, x in halves.items():
                b[at:at + 2] = np.float16(x * (0.5 + g.random())).tobytes()
        for b, x in zip(blocks, special):
            for at in halves:
                b[at:at + 2] = np.float16(x).tobytes()
        self.raw = b"".join(map(bytes, blocks))
        with np.errstate(over="ignore"):
            self.numbers = np.array([read(bytes(b), i) for b in blocks for i in range(numbers)], "<f4").reshape(shape)


def store(x, kind):
    if isinstance(x, Blocks):
        return x.kind, x.raw, x.numbers
    if kind == "Q8_0" and (x.ndim < 2 or x.shape[-1] % 32):
        kind = "F32" if x.ndim < 2 else "F16"  # as llama.cpp does
    if kind != "F32" and x.ndim < 2:
        kind = "F32"
    raw, numbers = quantise(x) if kind == "Q8_0" else reference.stored(x, kind)
    return kind, raw, numbers.reshape(x.shape)


def write_gguf(path, pairs, tensors, kind="F32", version=3, alignment=32):
    """The numbers that are then in the file, by name."""
    pairs = dict(pairs)
    if alignment != 32:
        pairs["general.alignment"] = (U32, alignment)
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs))
    for key, (of, x) in pairs.items():
        head += text(key) + struct.pack("<I", of) + value(of, x)
    data, numbers = b"", {}
    for name, x in tensors.items():
        data += b"\0" * (-len(data) % alignment)
        of, raw, numbers[name] = store(x, kind)
        head += text(name) + struct.pack("<I", x.ndim) + b"".join(struct.pack("<Q", n) for n in reversed(x.shape))
        head += struct.pack("<IQ", FORMATS[of], len(data))
        data += raw
    head += b"\0" * (-len(head) % alignment)
    with open(path, "wb") as f:
        f.write(head + data)
    return numbers


# ---- names, as llama.cpp's converter gives them ----

LAYER = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
         "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down", "ln_1": "attn_norm", "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
         "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}
WHOLE = {"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output", "wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm"}


def permute(x, heads):
    """Rows of a head (i, i + k/2) come to lie side by side."""
    return x.reshape(heads, 2, x.shape[0] // heads // 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


def their_names(weights, c):
    """{GGUF's name: (name in tests/hf, how to turn it, how to turn it back)}"""
    out = {}
    for name in weights:
        if name.endswith(("attn.bias", "masked_bias", "inv_freq")) and "c_attn" not in name:
            continue
        bare = name.removeprefix("model.").removeprefix("transformer.")
        part, tag = bare.rsplit(".", 1)
        pieces = part.split(".", 2)
        there = f"blk.{pieces[1]}.{LAYER[pieces[2]]}.{tag}" if pieces[0] in ("layers", "h") else f"{WHOLE[part]}.{tag}"
        heads = {"attn_q": c.get("num_attention_heads"), "attn_k": c.get("num_key_value_heads")}.get(there.split(".")[-2])
        out[there] = name, heads if heads and c["model_type"] == "llama" else None, c["model_type"] == "gpt2" and tag == "weight" and ".c_" in name
    return out


def turned(x, heads, transposed):
    x = x.T if transposed else x
    return np.ascontiguousarray(permute(x, heads) if heads else x)


def turned_back(x, heads, transposed):
    if heads:
        x = x.reshape(heads, x.shape[0] // heads // 2, 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)
    return x.T if transposed else x


def model_pairs(c):
    arch = c["model_type"]
    p = {"general.architecture": (STRING, arch), "general.name": (STRING, "a test"), "general.type": (STRING, "model")}
    if arch == "gpt2":
        keys = {"context_length": (U32, c["n_positions"]), "embedding_length": (U32, c["n_embd"]), "block_count": (U32, c["n_layer"]),
                "feed_forward_length": (U32, c["n_inner"] or 4 * c["n_embd"]), "attention.head_count": (U32, c["n_head"]),
                "attention.layer_norm_epsilon": (F32, c["layer_norm_epsilon"])}
    else:
        k = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
        rope = c.get("rope_scaling") or c.get("rope_parameters") or {}
        keys = {"context_length": (U32, c["max_position_embeddings"]), "embedding_length": (U32, c["hidden_size"]),
                "block_count": (U32, c["num_hidden_layers"]), "feed_forward_length": (U32, c["intermediate_size"]),
                "attention.head_count": (U32, c["num_attention_heads"]),
                "attention.head_count_kv": (ARRAY, (I32, [c["num_key_value_heads"]] * c["num_hidden_layers"])) if arch == "qwen2" else
                (U32, c["num_key_value_heads"]), "attention.layer_norm_rms_epsilon": (F32, c["rms_norm_eps"]), "attention.key_length": (U32, k),
                "attention.value_length": (U32, k), "rope.dimension_count": (U32, k), "vocab_size": (U32, c["vocab_size"]),
                "rope.freq_base": (F32, c.get("rope_theta") or rope.get("rope_theta") or 10000.0)}
        kind = rope.get("rope_type", rope.get("type"))
        if kind in ("linear", "yarn"):
            keys["rope.scaling.type"], keys["rope.scaling.factor"] = (STRING, kind), (F32, rope["factor"])
        if kind in ("yarn", "llama3"):
            keys["rope.scaling.original_context_length"] = (U32, rope["original_max_position_embeddings"])
    p.update({f"{arch}.{n}": x for n, x in keys.items()})
    # one key of every type, to be passed over
    for n, (of, x) in enumerate([(U8, 200), (I8, -3), (U16, 60000), (I16, -300), (U32, 1 << 31), (I32, -5), (F32, 1.5), (BOOL, True), (STRING, "é"),
                                 (U64, 1 << 63), (I64, -1 << 62), (F64, math.pi), (ARRAY, (STRING, ["a", "", "ü"])), (ARRAY, (F64, [1.0, 2.0])),
                                 (ARRAY, (BOOL, [True, False])), (ARRAY, (U8, []))]):
        p[f"test.type.{n}"] = of, x
    return p


def rope_factors(c):
    r = c.get("rope_scaling") or {}
    if r.get("rope_type") != "llama3":
        return {}
    k = c["head_dim"]
    plain, slowed = reference.rope(k, c["rope_theta"], 0)[0], reference.rope(k, c["rope_theta"], 0, r)[0]
    return {"rope_freqs.weight": (plain / slowed).astype("<f4")}


# ---- models ----

MODELS = [  # file, folder of tests/hf, format, version, alignment
    ("llama-f32", "llama", "F32", 3, 32),
    ("llama-f16", "llama-llama3", "F16", 3, 32),
    ("llama-bf16", "llama", "BF16", 3, 64),
    ("llama-q8_0", "llama", "Q8_0", 3, 32),
    ("llama-yarn", "llama-yarn", "F32", 2, 32),
    ("llama-linear", "llama-linear", "F32", 3, 8),
    ("gpt2-f32", "gpt2", "F32", 2, 32),
    ("gpt2-q8_0", "gpt2", "Q8_0", 3, 32),
    ("qwen2-f32", "qwen2", "F32", 3, 32),
    ("qwen3-f32", "qwen3", "F32", 3, 32),
]


def make_model(name, source, kind, version, alignment):
    folder = os.path.join(TESTS, "hf", source)
    c, weights = load(os.path.join(folder, "config.json")), read_safetensors(os.path.join(folder, "model.safetensors"))
    names = their_names(weights, c)
    tensors = {there: turned(weights[ours], heads, t) for there, (ours, heads, t) in names.items()}
    tensors.update(rope_factors(c))
    numbers = write_gguf(os.path.join(HERE, name + ".gguf"), model_pairs(c), tensors, kind, version, alignment)
    entry = {"file": name + ".gguf", "ids": load(os.path.join(folder, "expected.json"))["tokens"], "expected": f"tests/hf/{source}/expected.safetensors"}
    if kind in ("Q8_0", "BF16"):
        w = {ours: turned_back(numbers[there], heads, t).astype(np.float64) for there, (ours, heads, t) in names.items()}
        if c["model_type"] == "gpt2":
            w = {n.removeprefix("transformer."): x for n, x in w.items()}
        c = {**c, "rope_theta": 10000.0, "rope_parameters": None}
        run = reference.gpt2 if c["model_type"] == "gpt2" else reference.llama
        reference.write_safetensors(os.path.join(HERE, name + ".expected.safetensors"), run(c, w, entry["ids"]), "F32")
        entry["expected"] = f"tests/gguf/{name}.expected.safetensors"
    return entry


# ---- every quantised format ----

def make_formats():
    """A tensor of each format: quantised.gguf has the blocks, quantised.safetensors the numbers."""
    g = np.random.default_rng(5)
    special = [0.0, -0.25, 6e-8, 65504.0]  # no scale, a negative, a subnormal and the largest one
    tensors = {kind: Blocks(g, kind, (2, 1024), special) for kind in BLOCKS}
    write_gguf(os.path.join(HERE, "quantised.gguf"), {"general.architecture": (STRING, "llama")}, tensors)
    reference.write_safetensors(os.path.join(HERE, "quantised.safetensors"), {kind: x.numbers for kind, x in tensors.items()}, "F32")


def make_quantised():
    """A llama whose matrices are of all formats, in rows of 32 where a format has blocks of 32."""
    g = np.random.default_rng(9)
    c = {"model_type": "llama", "hidden_size": 256, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "intermediate_size": 32,
         "num_hidden_layers": 2, "vocab_size": 24, "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
         "tie_word_embeddings": False}
    d, wide, narrow, ff = 256, 32, 16, 32
    kinds = [("Q4_K", "Q5_K", "Q6_K", "Q4_0", "Q2_K", "Q3_K", "Q5_1"), ("IQ4_XS", "Q4_K", "Q8_0", "Q5_0", "IQ4_NL", "Q6_K", "Q4_1")]
    shapes = {"self_attn.q_proj": (wide, d), "self_attn.k_proj": (narrow, d), "self_attn.v_proj": (narrow, d), "self_attn.o_proj": (d, wide),
              "mlp.gate_proj": (ff, d), "mlp.up_proj": (ff, d), "mlp.down_proj": (d, ff)}
    weights = {"model.embed_tokens.weight": Blocks(g, "Q5_K", (24, d)), "model.norm.weight": 1 + g.standard_normal(d).astype("<f4") / 8,
               "lm_head.weight": Blocks(g, "Q6_K", (24, d))}
    for layer, row in enumerate(kinds):
        at = f"model.layers.{layer}."
        weights.update({f"{at}{name}.weight": Blocks(g, kind, shape) for (name, shape), kind in zip(shapes.items(), row)})
        weights.update({f"{at}{name}.weight": 1 + g.standard_normal(d).astype("<f4") / 8 for name in ("input_layernorm", "post_attention_layernorm")})
    names = their_names(weights, c)
    numbers = write_gguf(os.path.join(HERE, "llama-quantised.gguf"), model_pairs(c), {there: weights[ours] for there, (ours, _, _) in names.items()})
    w = {ours: turned_back(numbers[there], heads, t).astype(np.float64) for there, (ours, heads, t) in names.items()}
    ids = [3, 1, 4, 1, 5, 9, 2, 6, 5, 23]
    reference.write_safetensors(os.path.join(HERE, "llama-quantised.expected.safetensors"), reference.llama(c, w, ids), "F32")
    return {"file": "llama-quantised.gguf", "ids": ids, "expected": "tests/gguf/llama-quantised.expected.safetensors"}


# ---- tokenizers ----

def sentencepiece(tokens, scores, bos, s):
    """SentencePiece's BPE: the pair whose token has the best score, the leftmost of several, until none is left; then bytes."""
    ids = {t: i for i, t in enumerate(tokens)}
    parts = list(("▁" + s.replace(" ", "▁")) if s else "")
    while True:
        best = None
        for i in range(len(parts) - 1):
            at = ids.get(parts[i] + parts[i + 1])
            if at is not None and at > 258 and (best is None or scores[at] > best[0]):
                best = scores[at], i
        if best is None:
            break
        i = best[1]
        parts[i:i + 2] = [parts[i] + parts[i + 1]]
    out = [bos]
    for p in parts:
        out += [ids[p]] if p in ids else [ids["<0x%02X>" % b] for b in p.encode()]
    return out


def make_tokenizers():
    out = []
    for name, kind, pre in (("gpt2", "gpt2", "gpt-2"), ("llama3", "gpt2", "llama-bpe"), ("llama2", "llama", None)):
        folder = os.path.join(TESTS, "tokenizers", name)
        t = load(os.path.join(folder, "tokenizer.json"))
        vocab, cases = t["model"]["vocab"], load(os.path.join(folder, "expected.json"))
        tokens = [None] * (1 + max(list(vocab.values()) + [a["id"] for a in t["added_tokens"]]))
        for s, i in vocab.items():
            tokens[i] = s
        control = {a["id"]: a for a in t["added_tokens"]}
        for i, a in control.items():
            tokens[i] = a["content"]
        pairs = {"general.architecture": (STRING, "llama"), "tokenizer.ggml.model": (STRING, kind), "tokenizer.ggml.tokens": (ARRAY, (STRING, tokens))}
        merges = [m if isinstance(m, str) else " ".join(m) for m in t["model"]["merges"]]
        if kind == "gpt2":
            types = [3 if control.get(i, {}).get("special") else 4 if i in control else 1 for i in range(len(tokens))]
            pairs.update({"tokenizer.ggml.pre": (STRING, pre), "tokenizer.ggml.merges": (ARRAY, (STRING, merges)),
                          "tokenizer.ggml.bos_token_id": (U32, 0), "tokenizer.ggml.eos_token_id": (U32, 0)})
        else:
            rank = {m.replace(" ", ""): i for i, m in reversed(list(enumerate(merges)))}
            scores = [-float(rank[s]) if s in rank else -1e6 - i if i > 258 else 0.0 for i, s in enumerate(tokens)]
            types = [2 if i == 0 else 3 if i < 3 else 6 if i < 259 else 1 for i in range(len(tokens))]
            pairs.update({"tokenizer.ggml.scores": (ARRAY, (F32, scores)), "tokenizer.ggml.bos_token_id": (U32, 1),
                          "tokenizer.ggml.eos_token_id": (U32, 2), "tokenizer.ggml.unknown_token_id": (U32, 0)})
            cases = [{"text": x["text"], "ids": sentencepiece(tokens, scores, 1, x["text"])} for x in cases
                     if not any(tokens[i] in x["text"] for i in control)]
            g = np.random.default_rng(7)  # and texts of letters by chance
            for _ in range(200):
                s = "".join(g.choice(list("theatsnig lowr"), 12))
                cases.append({"text": s, "ids": sentencepiece(tokens, scores, 1, s)})
        pairs["tokenizer.ggml.token_type"] = ARRAY, (I32, types)
        write_gguf(os.path.join(HERE, f"tokenizer-{name}.gguf"), pairs, {})
        out.append({"file": f"tokenizer-{name}.gguf", "texts": cases})
    return out


# ---- nanoGPT and minGPT ----

def turned_linear(w):
    return {n: x.T.copy() if n.endswith(".weight") and ".c_" in n else x for n, x in w.items()}


def make_nanogpt():
    source = os.path.join(TESTS, "hf", "gpt2")
    c, ids = load(os.path.join(source, "config.json")), load(os.path.join(source, "expected.json"))["tokens"]
    w = {"transformer." + n.removeprefix("transformer."): x for n, x in read_safetensors(os.path.join(source, "model.safetensors")).items()}
    w.pop("transformer.lm_head.weight", None)
    zeros = lambda d: np.zeros(d)
    L = c["n_layer"]

    def finish(name, tensors, config, run_config, numbers):
        folder = os.path.join(TESTS, "nanogpt", name)
        os.makedirs(folder, exist_ok=True)
        reference.write_safetensors(os.path.join(folder, "model.safetensors"), tensors, "F32")
        if config is not None:
            with open(os.path.join(folder, "config.json"), "w") as f:
                json.dump(config, f, indent=1)
                f.write("\n")
        with open(os.path.join(folder, "expected.json"), "w") as f:
            json.dump({"tokens": ids}, f)
        numbers = {n.removeprefix("transformer."): x.astype(np.float64) for n, x in numbers.items()}
        reference.write_safetensors(os.path.join(folder, "expected.safetensors"), reference.gpt2(run_config, numbers, ids), "F32")

    sizes = {"n_layer": L, "n_head": c["n_head"], "n_embd": c["n_embd"], "block_size": c["n_positions"], "vocab_size": c["vocab_size"]}
    # nanoGPT as train.py makes it: compiled, no bias, one tensor for embedding and head, of which safetensors keeps the latter's name
    bare = {n: x for n, x in w.items() if not n.endswith(".bias")}
    numbers = {**bare, **{n: zeros(x.shape) for n, x in w.items() if n.endswith(".bias")}}
    linear = turned_linear(bare)
    saved = {"_orig_mod." + n: x for n, x in linear.items() if n != "transformer.wte.weight"}
    saved["_orig_mod.lm_head.weight"] = linear["transformer.wte.weight"]
    finish("nanogpt", saved, {**sizes, "bias": False, "dropout": 0.0}, {**c, "activation_function": "gelu"}, numbers)
    # with biases, the same tensor twice, and only what no shape tells
    finish("nanogpt-bias", {**turned_linear(w), "lm_head.weight": w["transformer.wte.weight"]}, {"n_head": c["n_head"]},
           {**c, "activation_function": "gelu"}, w)
    # minGPT: masks, a head of its own, and its config.json, which has the model's part inside
    g = np.random.default_rng(11)
    head = g.standard_normal(w["transformer.wte.weight"].shape) / 6
    saved = {**turned_linear(w), "lm_head.weight": head}
    for i in range(L):
        saved[f"transformer.h.{i}.attn.bias"] = np.tril(np.ones((1, 1, c["n_positions"], c["n_positions"])))
    finish("mingpt", saved, {"system": {"seed": 3407}, "model": {**sizes, "model_type": "gpt-test", "embd_pdrop": 0.1, "resid_pdrop": 0.1, "attn_pdrop": 0.1},
                             "trainer": {"device": "auto"}}, {**c, "tie_word_embeddings": False}, {**w, "lm_head.weight": head.astype("<f4")})


# ---- small ones, for tests/corrupt ----

def make_tiny_quantised(data):
    """Blocks of 256, as few as a layer can have, and of 32."""
    g = np.random.default_rng(4)
    x = lambda *shape: g.standard_normal(shape).astype("<f4")
    pairs = {"general.architecture": (STRING, "qwen2")}
    for key, n in (("context_length", 4), ("embedding_length", 256), ("block_count", 1), ("feed_forward_length", 2), ("attention.head_count", 1),
                   ("attention.key_length", 2), ("attention.value_length", 2)):
        pairs["qwen2." + key] = U32, n
    tensors = {"token_embd.weight": Blocks(g, "Q4_K", (2, 256)), "output.weight": Blocks(g, "Q5_1", (2, 256)), "output_norm.weight": x(256)}
    for name, kind, shape in (("attn_q", "Q5_K", (2, 256)), ("attn_k", "Q3_K", (2, 256)), ("attn_v", "Q2_K", (2, 256)), ("attn_output", "F16", (256, 2)),
                              ("ffn_gate", "Q6_K", (2, 256)), ("ffn_up", "IQ4_XS", (2, 256)), ("ffn_down", "F16", (256, 2))):
        tensors[f"blk.0.{name}.weight"] = x(*shape) if kind == "F16" else Blocks(g, kind, shape)
    tensors.update({"blk.0.attn_norm.weight": x(256), "blk.0.ffn_norm.weight": x(256)})
    write_gguf(os.path.join(data, "quantised.gguf"), pairs, tensors, "F16", alignment=8)


def make_tiny():
    g = np.random.default_rng(3)
    x = lambda *shape: g.standard_normal(shape).astype("<f4")
    data = os.path.join(TESTS, "data", "model")
    tokens = ["<unk>", "<s>", "</s>", "<0x41>", "▁", "a", "b", "ab", "▁a"]
    pairs = {"general.architecture": (STRING, "llama")}
    for key, n in (("context_length", 8), ("embedding_length", 4), ("block_count", 1), ("feed_forward_length", 32), ("attention.head_count", 2)):
        pairs["llama." + key] = U32, n
    pairs.update({"tokenizer.ggml.model": (STRING, "llama"), "tokenizer.ggml.tokens": (ARRAY, (STRING, tokens)),
                  "tokenizer.ggml.scores": (ARRAY, (F32, [0, 0, 0, 0, -9, -8, -7, -1, -2])),
                  "tokenizer.ggml.token_type": (ARRAY, (I32, [2, 3, 3, 6, 1, 1, 1, 1, 1])), "tokenizer.ggml.bos_token_id": (U32, 1),
                  "tokenizer.ggml.eos_token_id": (U32, 2)})
    tensors = {"token_embd.weight": x(9, 4), "output_norm.weight": x(4)}
    for name, shape in (("attn_norm", (4,)), ("attn_q", (4, 4)), ("attn_k", (4, 4)), ("attn_v", (4, 4)), ("attn_output", (4, 4)), ("ffn_norm", (4,)),
                        ("ffn_gate", (32, 4)), ("ffn_up", (32, 4)), ("ffn_down", (4, 32))):
        tensors[f"blk.0.{name}.weight"] = x(*shape)
    write_gguf(os.path.join(data, "llama.gguf"), pairs, tensors, "Q8_0", alignment=8)
    make_tiny_quantised(data)
    tokens = ["<|e|>", "a", "b", "Ġ", "ab", "Ġab"]
    pairs = {"general.architecture": (STRING, "gpt2")}
    for key, n in (("context_length", 4), ("embedding_length", 2), ("block_count", 0), ("feed_forward_length", 2), ("attention.head_count", 1)):
        pairs["gpt2." + key] = U32, n
    pairs.update({"tokenizer.ggml.model": (STRING, "gpt2"), "tokenizer.ggml.pre": (STRING, "gpt-2"),
                  "tokenizer.ggml.tokens": (ARRAY, (STRING, tokens)), "tokenizer.ggml.merges": (ARRAY, (STRING, ["a b", "Ġ ab"])),
                  "tokenizer.ggml.token_type": (ARRAY, (I32, [3, 1, 1, 1, 1, 1])), "tokenizer.ggml.eos_token_id": (U32, 0),
                  "tokenizer.ggml.add_bos_token": (BOOL, False)})
    write_gguf(os.path.join(data, "gpt2.gguf"), pairs, {"token_embd.weight": x(6, 2), "position_embd.weight": x(4, 2), "output_norm.weight": x(2),
                                                        "output_norm.bias": x(2)}, alignment=8)


def main():
    make_tiny()
    make_formats()
    cases = {"models": [make_model(*m) for m in MODELS] + [make_quantised()], "tokenizers": make_tokenizers()}
    with open(os.path.join(HERE, "cases.json"), "w", encoding="utf-8") as f:
        json.dump(cases, f, ensure_ascii=False)
        f.write("\n")
    make_nanogpt()


main()
