#!/usr/bin/env python3
"""What every stage must compute, in plain PyTorch, one line a stage: the specification of the numbers. Nothing in it is fast.

    python3 tests/golden/reference.py                every case here, computed again: how far it is from what is stored
    python3 tests/golden/reference.py --write NAME   what is missing in tests/golden/NAME, which holds a config.json (the keys that are not
                                                     DEFAULTS below) and a case.json: {"source": [ids] or null, "target": [ids] or null,
                                                     "targets": [ids, -1 not counted], "ablations": [names]}

Knows nothing of the program. Row vectors: y = x @ W + b, so a weight is [inputs, outputs]. T tokens, d = d_model, H heads, G key/value heads
(G divides H), k = d_head; head h attends with key/value head h // (H / G).
"""
import json
import os
import struct
import sys

import math
import torch
import torch.nn.functional as F

DEFAULTS = dict(
    kind="decoder",            # decoder | encoder | encoder-decoder
    d_model=16, n_heads=2, n_kv_heads=None, d_head=None, d_ff=64,
    encoder_layers=0, decoder_layers=2, vocab_size=23, max_len=16,
    norm="layernorm",          # layernorm | rmsnorm | none
    norm_position="pre",       # pre | post
    norm_eps=1e-5,
    position="sinusoidal",     # none | sinusoidal | learned | rope | alibi
    rope_theta=10000.0,
    rope_pairing="half",       # half: (i, i + k/2)   interleaved: (2i, 2i + 1)
    qk_norm=False,             # an RMSNorm over each head's query and key, before RoPE; its gain [k] is the same for all heads
    activation="gelu",         # relu | gelu | gelu_tanh | silu
    ffn="mlp",                 # mlp | gated | none
    bias=True,
    tie_embeddings=True,       # W_U is the transpose of the token embedding
    embed_scale=False,         # token embeddings times sqrt(d_model)
)

ABLATIONS = ("no-positions", "no-residual", "uniform-attention", "no-scale",
             "scale-by-dk", "no-mask", "no-norm", "no-ffn", "no-attention")


def complete(config):
    c = {**DEFAULTS, **config}
    c["d_head"] = c["d_head"] or c["d_model"] // c["n_heads"]
    c["n_kv_heads"] = c["n_kv_heads"] or c["n_heads"]
    return c


def stacks(c):
    out = []
    if c["kind"] in ("encoder", "encoder-decoder"):
        out.append(("encoder", c["encoder_layers"]))
    if c["kind"] in ("decoder", "encoder-decoder"):
        out.append(("decoder", c["decoder_layers"]))
    return out


def init(c, seed):
    """Random weights by name. Not an initialisation to train from: every bias
    and gain is random too, so that a mistake in any of them shows."""
    g = torch.Generator().manual_seed(seed)
    w = {}

    def add(name, *shape, around=0.0, std=None):
        std = std if std is not None else 1.0 / math.sqrt(shape[0])
        w[name] = around + std * torch.randn(*shape, generator=g)

    def norm(name):
        if c["norm"] == "none":
            return
        add(name + ".gain", c["d_model"], around=1.0, std=0.2)
        if c["norm"] == "layernorm":
            add(name + ".bias", c["d_model"], std=0.2)

    def linear(prefix, tag, i, o):
        add(f"{prefix}.W_{tag}", i, o)
        if c["bias"]:
            add(f"{prefix}.b_{tag}", o, std=0.1)

    d, H, G, k = c["d_model"], c["n_heads"], c["n_kv_heads"], c["d_head"]
    for stack, layers in stacks(c):
        add(f"{stack}.embed.W_E", c["vocab_size"], d, std=0.5)
        if c["position"] == "learned":
            add(f"{stack}.embed.W_P", c["max_len"], d, std=0.5)
        for i in range(layers):
            subs = ["self", "cross"] if (stack == "decoder" and c["kind"] == "encoder-decoder") else ["self"]
            for sub in subs:
                p = f"{stack}.{i}.{sub}"
                norm(p + ".norm")
                linear(p, "Q", d, H * k); linear(p, "K", d, G * k)
                linear(p, "V", d, G * k)
                if c["qk_norm"]:
                    add(p + ".q_norm.gain", k, around=1.0, std=0.2)
                    add(p + ".k_norm.gain", k, around=1.0, std=0.2)
                linear(p, "O", H * k, d)
            if c["ffn"] == "none":
                continue
            p = f"{stack}.{i}.ffn"
            norm(p + ".norm")
            if c["ffn"] == "gated":
                linear(p, "G", d, c["d_ff"])
            linear(p, "1", d, c["d_ff"]); linear(p, "2", c["d_ff"], d)
        if c["norm_position"] == "pre":
            norm(f"{stack}.final_norm")
    if not c["tie_embeddings"]:
        add("output.W_U", d, c["vocab_size"])
    return w


def sinusoidal(T, d):
    pos = torch.arange(T, dtype=torch.float64)[:, None]
    i = torch.arange(0, d, 2, dtype=torch.float64)[None, :]
    angle = pos / torch.pow(torch.tensor(10000.0, dtype=torch.float64), i / d)
    out = torch.zeros(T, d, dtype=torch.float64)
    out[:, 0::2] = torch.sin(angle)
    out[:, 1::2] = torch.cos(angle)[:, : d // 2]
    return out


def rotate(x, theta, pairing):
    """RoPE. x is [heads, T, k]; position t turns pair i by t * theta^(-2i/k)."""
    k, T = x.shape[-1], x.shape[-2]
    freq = theta ** (-torch.arange(0, k, 2, dtype=torch.float64) / k)
    angle = torch.arange(T, dtype=torch.float64)[:, None] * freq[None, :]
    cos, sin = torch.cos(angle).to(x.dtype), torch.sin(angle).to(x.dtype)
    if pairing == "half":
        a, b = x[..., : k // 2], x[..., k // 2:]
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2)


def alibi_slopes(H):
    """Press et al. 2022: a geometric sequence starting at 2^(-8/n) for n a
    power of two; the next power's odd entries fill up any other H."""
    def powers(n):
        start = 2.0 ** (-8.0 / n)
        return [start ** (i + 1) for i in range(n)]
    n = 2 ** math.floor(math.log2(H))
    out = powers(n)
    if n < H:
        out += powers(2 * n)[0::2][: H - n]
    return torch.tensor(out, dtype=torch.float64)


class Reference:
    def __init__(self, config, weights, ablations=()):
        self.c = complete(config)
        self.w = weights
        self.a = set(ablations)
        assert self.a <= set(ABLATIONS), self.a
        self.trace = {}

    def put(self, name, x):
        if x.requires_grad:
            x.retain_grad()
        self.trace[name] = x
        return x

    def norm(self, name, x, weights=None):
        c, w = self.c, weights or name
        if c["norm"] == "none":
            return x                      # no such stage
        if "no-norm" in self.a:
            return self.put(name, x * 1.0)
        if c["norm"] == "rmsnorm":
            y = x / torch.sqrt((x * x).mean(-1, keepdim=True) + c["norm_eps"]) * self.w[w + ".gain"]
        else:
            m = x.mean(-1, keepdim=True)
            v = ((x - m) ** 2).mean(-1, keepdim=True)
            y = (x - m) / torch.sqrt(v + c["norm_eps"]) * self.w[w + ".gain"] + self.w[w + ".bias"]
        return self.put(name, y)

    def head_norm(self, name, x):
        """x is [heads, T, k]: each head's row for itself."""
        if "no-norm" in self.a:
            return self.put(name, x * 1.0)
        y = x / torch.sqrt((x * x).mean(-1, keepdim=True) + self.c["norm_eps"])
        return self.put(name, y * self.w[name + ".gain"])

    def linear(self, prefix, tag, x):
        y = x @ self.w[f"{prefix}.W_{tag}"]
        return y + self.w[f"{prefix}.b_{tag}"] if self.c["bias"] else y

    def embed(self, stack, tokens):
        c, p = self.c, stack + ".embed"
        T = len(tokens)
        x = self.w[p + ".W_E"][torch.tensor(tokens)]
        if c["embed_scale"]:
            x = x * math.sqrt(c["d_model"])
        x = self.put(p + ".tokens", x * 1.0)
        if c["position"] in ("sinusoidal", "learned"):
            if c["position"] == "learned":
                pe = self.w[p + ".W_P"][:T] * 1.0
            else:
                pe = sinusoidal(T, c["d_model"]).to(x.dtype)
            if "no-positions" in self.a:
                pe = pe * 0.0
            pe = self.put(p + ".positions", pe)
            x = self.put(p + ".sum", x + pe)
        return x

    def attention(self, p, x, memory, causal):
        """x gives the queries, memory the keys and values; both [T, d]."""
        c, a = self.c, self.a
        H, G, k = c["n_heads"], c["n_kv_heads"], c["d_head"]
        Tq, Tk = x.shape[0], memory.shape[0]
        split = lambda y, n: y.view(-1, n, k).transpose(0, 1)
        q = self.put(p + ".q", split(self.linear(p, "Q", x), H) * 1.0)
        ky = self.put(p + ".k", split(self.linear(p, "K", memory), G) * 1.0)
        v = self.put(p + ".v", split(self.linear(p, "V", memory), G) * 1.0)
        self_attention = ".self" in p
        if c["qk_norm"]:
            q, ky = self.head_norm(p + ".q_norm", q), self.head_norm(p + ".k_norm", ky)
        if c["position"] == "rope" and self_attention:
            turn = (lambda y: y * 1.0) if "no-positions" in a else \
                   (lambda y: rotate(y, c["rope_theta"], c["rope_pairing"]))
            q = self.put(p + ".q_rot", turn(q))
            ky = self.put(p + ".k_rot", turn(ky))
        kk = ky.repeat_interleave(H // G, 0)
        vv = v.repeat_interleave(H // G, 0)
        s = self.put(p + ".scores", q @ kk.transpose(-1, -2))
        scale = 1.0 if "no-scale" in a else (1.0 / k if "scale-by-dk" in a else 1.0 / math.sqrt(k))
        s = self.put(p + ".scaled", s * scale)
        if c["position"] == "alibi" and self_attention:
            dist = (torch.arange(Tq)[:, None] - torch.arange(Tk)[None, :]).abs().to(s.dtype)
            bias = -alibi_slopes(H).to(s.dtype)[:, None, None] * dist
            if "no-positions" in a:
                bias = bias * 0.0
            s = self.put(p + ".biased", s + bias)
        visible = torch.ones(Tq, Tk, dtype=torch.bool)
        if causal and "no-mask" not in a:
            visible = torch.tril(visible)
        s = self.put(p + ".masked", s.masked_fill(~visible, float("-inf")))
        if "uniform-attention" in a:
            wts = (visible / visible.sum(-1, keepdim=True)).to(s.dtype).expand(H, Tq, Tk) + 0.0 * s.masked_fill(~visible, 0.0)
        else:
            wts = torch.softmax(s, -1)
        wts = self.put(p + ".weights", wts)
        z = self.put(p + ".heads", wts @ vv)
        z = self.put(p + ".concat", z.transpose(0, 1).reshape(Tq, H * k))
        return self.put(p + ".out", self.linear(p, "O", z))

    def ffn(self, p, x):
        c = self.c
        act = {"relu": F.relu, "gelu": F.gelu, "silu": F.silu,
               "gelu_tanh": lambda y: F.gelu(y, approximate="tanh")}[c["activation"]]
        if c["ffn"] == "gated":
            gate = self.put(p + ".gate", self.linear(p, "G", x))
            up = self.put(p + ".expand", self.linear(p, "1", x))
            h = self.put(p + ".activate", act(gate))
            h = self.put(p + ".product", h * up)
        else:
            h = self.put(p + ".expand", self.linear(p, "1", x))
            h = self.put(p + ".activate", act(h))
        return self.put(p + ".contract", self.linear(p, "2", h))

    def sublayer(self, p, x, f):
        """One sub-layer with its norm and its residual, in either order."""
        removed = "no-ffn" if p.endswith(".ffn") else "no-attention"
        if removed in self.a or (p.endswith(".ffn") and self.c["ffn"] == "none"):
            return x                      # the sub-layer is not there at all
        pre = self.c["norm_position"] == "pre"
        y = f(self.norm(p + ".norm", x) if pre else x)
        x = self.put(p + ".residual", y * 1.0 if "no-residual" in self.a else x + y)
        return x if pre else self.norm(p + ".norm", x)

    def stack(self, name, layers, x, causal, memory=None):
        for i in range(layers):
            p = f"{name}.{i}"
            x = self.sublayer(p + ".self", x, lambda h: self.attention(p + ".self", h, h, causal))
            if memory is not None:
                x = self.sublayer(p + ".cross", x, lambda h: self.attention(p + ".cross", h, memory, False))
            x = self.sublayer(p + ".ffn", x, lambda h: self.ffn(p + ".ffn", h))
        if self.c["norm_position"] == "pre":
            x = self.norm(name + ".final_norm", x)
        return x

    def forward(self, source=None, target=None):
        """source: encoder tokens; target: decoder input tokens. Returns the
        logits [T, vocab] of the last stack and fills self.trace."""
        c, memory, x = self.c, None, None
        if c["kind"] != "decoder":
            x = memory = self.stack("encoder", c["encoder_layers"], self.embed("encoder", source), False)
        if c["kind"] != "encoder":
            x = self.stack("decoder", c["decoder_layers"], self.embed("decoder", target), True,
                           memory if c["kind"] == "encoder-decoder" else None)
        last = "encoder" if c["kind"] == "encoder" else "decoder"
        W_U = self.w[last + ".embed.W_E"].t() if c["tie_embeddings"] else self.w["output.W_U"]
        logits = self.put("output.logits", x @ W_U)
        self.put("output.probs", torch.softmax(logits, -1))
        return logits


def loss(logits, targets):
    """Mean cross-entropy in nats over the positions whose target is not -1."""
    return F.cross_entropy(logits, torch.tensor(targets), ignore_index=-1)


# ---- the files of a case ----

HERE = os.path.dirname(os.path.abspath(__file__))


def load(path):
    """The tensors of a safetensors file, all F32, in float64."""
    with open(path, "rb") as f:
        data = f.read()
    n = struct.unpack("<Q", data[:8])[0]
    out = {}
    for name, t in json.loads(data[8:8 + n]).items():
        if name != "__metadata__":
            begin, end = (8 + n + i for i in t["data_offsets"])
            out[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32).view(t["shape"]).double()
    return out


def save(path, tensors):
    header, at = {}, 0
    for name, x in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [at, at + 4 * x.numel()]}
        at += 4 * x.numel()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for x in tensors.values():
            f.write(x.detach().float().contiguous().numpy().tobytes())


def run(config, weights, case, dtype=torch.float64):
    """Forward and backward: the trace, the gradients of the weights and of the stages, the loss."""
    w = {name: x.clone().to(dtype).requires_grad_() for name, x in weights.items()}
    r = Reference(config, w, case["ablations"])
    at = loss(r.forward(case["source"], case["target"]), case["targets"])
    at.backward()
    grad = lambda x: torch.zeros_like(x) if x.grad is None else x.grad
    return r.trace, {n: grad(x) for n, x in w.items()}, {n: grad(x) for n, x in r.trace.items()}, at.item()


def train(config, weights, case, given):
    """The weights after some steps of AdamW, and the loss before each."""
    w = {name: x.clone().requires_grad_() for name, x in weights.items()}
    step = torch.optim.AdamW(w.values(), lr=given["lr"], betas=(given["beta1"], given["beta2"]), eps=given["eps"],
                             weight_decay=given["weight_decay"])
    losses = []
    for _ in range(given["steps"]):
        step.zero_grad()
        for x in w.values():
            x.grad = torch.zeros_like(x)  # decays even where the loss does not reach
        at = loss(Reference(config, w, case["ablations"]).forward(case["source"], case["target"]), case["targets"])
        at.backward()
        step.step()
        losses.append(at.item())
    return w, losses


def error(ours, theirs):
    """The largest difference of any tensor, as README.md defines it; infinite where names, shapes or the places of -inf differ."""
    if list(ours) != list(theirs) and set(ours) != set(theirs):
        return math.inf
    finite = lambda x: torch.where(torch.isinf(x), torch.zeros_like(x), x).detach().double()
    floor = 1e-3 * max(finite(x).abs().max().item() for x in theirs.values())
    worst = 0.0
    for name, x in theirs.items():
        y = ours[name]
        if y.shape != x.shape or not torch.equal(torch.isinf(y), torch.isinf(x)):
            return math.inf
        worst = max(worst, (finite(y) - finite(x)).abs().max().item() / max(finite(x).abs().max().item(), floor))
    return worst


def rounded_up(x):
    """To one digit."""
    unit = 10.0 ** math.floor(math.log10(x))
    return float(f"{math.ceil(x / unit) * unit:.0e}")


def write(name):
    folder = os.path.join(HERE, name)
    path = lambda file: os.path.join(folder, file)
    config = complete(json.load(open(path("config.json"))))
    case = json.load(open(path("case.json")))
    if not os.path.exists(path("model.safetensors")):
        save(path("model.safetensors"), init(config, sum(map(ord, name))))
    weights = load(path("model.safetensors"))
    trace, grads, stage_grads, at = run(config, weights, case)
    coarse = run(config, weights, case, torch.float32)
    lost = [error(coarse[i], exact) for i, exact in enumerate((trace, grads, stage_grads))]
    tolerance = dict(trace=rounded_up(max(8 * lost[0], 1e-5)), grad=rounded_up(max(8 * lost[1], 8 * lost[2], 2e-5)))
    case.update(name=name, loss=at, tolerance=tolerance, stages=list(trace))
    save(path("trace.safetensors"), trace)
    save(path("grads.safetensors"), grads)
    save(path("stage_grads.safetensors"), stage_grads)
    json.dump(config, open(path("config.json"), "w"), indent=2)
    json.dump(case, open(path("case.json"), "w"), indent=1)


def check(name):
    """How far a stored case is from what is computed now."""
    path = lambda file: os.path.join(HERE, name, file)
    config, case, weights = json.load(open(path("config.json"))), json.load(open(path("case.json"))), load(path("model.safetensors"))
    trace, grads, stage_grads, at = run(config, weights, case)
    worst = abs(at - case["loss"]) / at if case["stages"] == list(trace) else math.inf
    for file, tensors in (("trace", trace), ("grads", grads), ("stage_grads", stage_grads)):
        worst = max(worst, error(tensors, load(path(file + ".safetensors"))))
    if os.path.exists(path("after_adamw.safetensors")):
        after, losses = train(config, weights, case, case["adamw"])
        worst = max([worst, error(after, load(path("after_adamw.safetensors")))] + [abs(a - b) for a, b in zip(losses, case["adamw"]["losses"])])
    return worst


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--write":
        write(sys.argv[2])
        return 0
    if len(sys.argv) != 1:
        sys.exit("usage: reference.py [--write NAME]")
    names = sorted(n for n in os.listdir(HERE) if os.path.exists(os.path.join(HERE, n, "case.json")))
    errors = [(check(name), name) for name in names]
    print("%d cases; the largest difference is %.2g, in %s" % (len(errors), *max(errors)))
    return max(errors)[0] > 1e-6


if __name__ == "__main__":
    sys.exit(main())
