#!/usr/bin/env python3
"""Small tokenizer.json files of every kind, and the ids that they give: made by an independent, slow implementation of the published algorithms.

    python3 tests/tokenizers/reference.py                write the fixtures beside this file
    python3 tests/tokenizers/reference.py check FOLDER   compare with GPT-2's own: vocab.json, merges.txt, expected.json

Needs the module `regex` (Unicode classes). Byte-pair encoding after Sennrich et al. 2016, WordPiece after Wu et al. 2016, unigram after Kudo 2018;
the details of the files after https://github.com/huggingface/tokenizers. Nothing here is shared with the C sources."""
import collections
import json
import pathlib
import sys
import unicodedata

import regex

HERE = pathlib.Path(__file__).parent
GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def byte_letters():
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    letters = {b: chr(b) for b in printable}
    for b in range(256):
        if b not in letters:
            letters[b] = chr(256 + len(letters) - len(printable))
    return letters


LETTERS = byte_letters()


def to_letters(text):
    return "".join(LETTERS[b] for b in text.encode())


# ---- models ----

def bpe(word, model):
    vocab, ranks = model["vocab"], {tuple(m.split(" ")) if isinstance(m, str) else tuple(m): i for i, m in enumerate(model["merges"])}
    if model.get("ignore_merges") and word in vocab:
        return [vocab[word]]
    suffix, parts = model.get("end_of_word_suffix") or "", []
    for i, c in enumerate(word):
        c += suffix if i == len(word) - 1 else ""
        if c in vocab:
            parts.append(c)
        elif model.get("byte_fallback"):
            parts += [f"<0x{b:02X}>" for b in c.encode()]
        elif model.get("unk_token"):
            if not (model.get("fuse_unk") and parts and parts[-1] == model["unk_token"]):
                parts.append(model["unk_token"])
    while len(parts) > 1:
        best = min(range(len(parts) - 1), key=lambda i: ranks.get((parts[i], parts[i + 1]), 1 << 60))
        if (parts[best], parts[best + 1]) not in ranks:
            break
        parts[best:best + 2] = [parts[best] + parts[best + 1]]
    return [vocab[p] for p in parts]


def wordpiece(word, model):
    vocab, out, at = model["vocab"], [], 0
    if len(word) > model["max_input_chars_per_word"]:
        return [vocab[model["unk_token"]]]
    while at < len(word):
        for end in range(len(word), at, -1):
            piece = (model["continuing_subword_prefix"] if at else "") + word[at:end]
            if piece in vocab:
                break
        else:
            return [vocab[model["unk_token"]]]
        out.append(vocab[piece])
        at = end
    return out


def unigram(word, model):
    """Every way to cut the word, by recursion from its end: the largest sum wins."""
    scores = {t: s for t, s in model["vocab"]}
    ids = {t: i for i, (t, _) in enumerate(model["vocab"])}
    unknown = min(scores.values()) - 10
    best = {0: (0.0, [])}
    for end in range(1, len(word) + 1):
        ways = []
        for at in range(end):
            token = word[at:end]
            if token in scores:
                ways.append((best[at][0] + scores[token], best[at][1] + [token]))
            elif end - at == 1:
                before = best[at][1]
                ways.append((best[at][0] + unknown, before[:-1] + [before[-1] + token] if before and before[-1] not in scores else before + [token]))
        best[end] = max(ways, key=lambda w: w[0])
    out = []
    for token in best[len(word)][1]:
        if token in ids:
            out.append(ids[token])
        elif model.get("byte_fallback"):
            out += [ids[f"<0x{b:02X}>"] for b in token.encode()]
        else:
            out.append(model["unk_id"])
    return out


def word_level(word, model):
    return [model["vocab"].get(word, model["vocab"][model["unk_token"]])]


MODELS = {"BPE": bpe, "WordPiece": wordpiece, "Unigram": unigram, "WordLevel": word_level}

# ---- rules ----


def normalize(text, n):
    if n is None:
        return text
    kind = n["type"]
    if kind == "Sequence":
        for one in n["normalizers"]:
            text = normalize(text, one)
        return text
    if kind in ("NFC", "NFD", "NFKC", "NFKD"):
        return unicodedata.normalize(kind, text)
    if kind == "Lowercase":
        return "".join(c.lower() for c in text)
    if kind == "StripAccents":
        return "".join(c for c in text if unicodedata.category(c)[0] != "M")
    if kind == "Strip":
        return (text.lstrip() if n["strip_left"] else text).rstrip() if n["strip_right"] else text.lstrip() if n["strip_left"] else text
    if kind == "Replace":
        p = n["pattern"]
        return regex.sub(p["Regex"], n["content"], text) if "Regex" in p else text.replace(p["String"], n["content"])
    if kind == "Prepend":
        return n["prepend"] + text if text else text
    if kind == "BertNormalizer":
        if n["clean_text"]:
            text = "".join(" " if c.isspace() else c for c in text
                           if c in "\t\n\r" or not (c in "\0\ufffd" or unicodedata.category(c) in ("Cc", "Cf", "Co")))
        if n["handle_chinese_chars"]:
            text = "".join(f" {c} " if 0x4E00 <= ord(c) <= 0x9FFF else c for c in text)
        if n["strip_accents"] or (n["strip_accents"] is None and n["lowercase"]):
            text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
        return "".join(c.lower() for c in text) if n["lowercase"] else text
    raise ValueError(kind)


def split(text, matches, how, invert=False):
    """matches: (from, to) without overlap."""
    parts, at = [], 0
    for a, b in matches:
        if a > at:
            parts.append((text[at:a], invert))
        if b > a:
            parts.append((text[a:b], not invert))
        at = b
    if at < len(text):
        parts.append((text[at:], invert))
    if how == "Removed":
        return [t for t, is_match in parts if not is_match]
    if how == "Isolated":
        return [t for t, _ in parts]
    out, before = [], False
    if how == "Contiguous":
        for t, is_match in parts:
            if out and is_match == before:
                out[-1] += t
            else:
                out.append(t)
            before = is_match
    elif how == "MergedWithPrevious":
        for t, is_match in parts:
            if out and is_match and not before:
                out[-1] += t
            else:
                out.append(t)
            before = is_match
    else:
        for t, is_match in reversed(parts):
            if out and is_match and not before:
                out[-1] = t + out[-1]
            else:
                out.append(t)
            before = is_match
        out.reverse()
    return out


def spans(pattern, text):
    return [m.span() for m in regex.finditer(pattern, text)]


PUNCTUATION = r"[!-/:-@\[-`{-~\p{P}]"


def pre_tokenize(words, p, first=True):
    """words: texts; first: the first of them begins the whole text."""
    if p is None:
        return words
    kind, out = p["type"], []
    if kind == "Sequence":
        for one in p["pretokenizers"]:
            words = pre_tokenize(words, one, first)
        return words
    for i, w in enumerate(words):
        if kind == "ByteLevel":
            if p["add_prefix_space"] and not w.startswith(" "):
                w = " " + w
            out += [to_letters(x) for x in (split(w, spans(GPT2, w), "Isolated") if p.get("use_regex", True) else [w])]
        elif kind == "Split":
            pattern = p["pattern"].get("Regex") or regex.escape(p["pattern"]["String"])
            out += split(w, spans(pattern, w), p["behavior"], p["invert"])
        elif kind == "Digits":
            out += split(w, spans(r"\p{N}", w), "Isolated" if p["individual_digits"] else "Contiguous")
        elif kind == "Whitespace":
            out += regex.findall(r"\w+|[^\w\s]+", w)
        elif kind == "WhitespaceSplit":
            out += w.split()
        elif kind == "Punctuation":
            out += split(w, spans(PUNCTUATION, w), p["behavior"])
        elif kind == "BertPreTokenizer":
            for x in w.split():
                out += split(x, spans(PUNCTUATION, x), "Isolated")
        elif kind == "Metaspace":
            w = w.replace(" ", p["replacement"])
            scheme = p["prepend_scheme"]
            if not w.startswith(p["replacement"]) and (scheme == "always" or (scheme == "first" and first and i == 0)):
                w = p["replacement"] + w
            out += split(w, spans(regex.escape(p["replacement"]), w), "MergedWithNext") if p["split"] else [w]
        else:
            raise ValueError(kind)
    return [w for w in out if w]


def around(post):
    if post is None:
        return [], []
    if post["type"] == "Sequence":
        return tuple(sum((list(around(p)[side]) for p in post["processors"]), []) for side in (0, 1))
    if post["type"] == "TemplateProcessing":
        sides, at = ([], []), 0
        for piece in post["single"]:
            if "Sequence" in piece:
                at = 1
            else:
                sides[at].extend(post["special_tokens"][piece["SpecialToken"]["id"]]["ids"])
        return sides
    if post["type"] in ("BertProcessing", "RobertaProcessing"):
        return [post["cls"][1]], [post["sep"][1]]
    return [], []


def find_added(text, added):
    """The parts of a text: (part, where, None) or (part, where, id of an added token)."""
    pattern = "|".join(regex.escape(a) for a in sorted(added, key=len, reverse=True))
    parts, at = [], 0
    for m in regex.finditer(pattern, text) if pattern else []:
        a, start, end = added[m.group()], m.start(), m.end()
        if a["single_word"] and regex.search(r"\w$", text[:start]) or a["single_word"] and regex.match(r"\w", text[end:]):
            continue
        if a["lstrip"]:
            start = max(at, len(text[:start].rstrip()))
        if a["rstrip"]:
            end = len(text) - len(text[end:].lstrip())
        parts += [(text[at:start], at, None), (text[start:end], start, a["id"])]
        at = end
    return parts + [(text[at:], at, None)]


def encode(t, text):
    ids = []
    for part, place, token in find_added(text, {a["content"]: a for a in t["added_tokens"] if not a["normalized"]}):
        if token is not None:
            ids.append(token)
            continue
        after = {normalize(a["content"], t["normalizer"]): a for a in t["added_tokens"] if a["normalized"]}
        for normal, where, found in find_added(normalize(part, t["normalizer"]) if part else "", after):
            if found is not None:
                ids.append(found)
                continue
            for word in pre_tokenize([normal] if normal else [], t["pre_tokenizer"], place + where == 0 and not normal[:1].isspace()):
                ids += MODELS[t["model"]["type"]](word, t["model"])
    front, back = around(t["post_processor"])
    return list(front) + ids + list(back)


# ---- the fixtures ----

LINES = ("the cat sat on the mat and the other cat sat there. the lowest of the low is lower than the newest; 12 cats, 345 mats! "
         "unaffable people sit on mats. we're here, they've been there. 我爱你 我们爱学习 café naïve").split(" ")


def learn(words, count):
    """Merges, the most frequent pair of neighbours first, as Sennrich et al. learn them."""
    words = collections.Counter(tuple(w) for w in words)
    merges = []
    while len(merges) < count:
        pairs = collections.Counter()
        for w, n in words.items():
            for pair in zip(w, w[1:]):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        joined = collections.Counter()
        for w, n in words.items():
            out, i = [], 0
            while i < len(w):
                if w[i:i + 2] == best:
                    out.append(w[i] + w[i + 1])
                    i += 2
                else:
                    out.append(w[i])
                    i += 1
            joined[tuple(out)] += n
        words = joined
    return merges


def vocabulary(*lists):
    vocab = {}
    for tokens in lists:
        for token in tokens:
            vocab.setdefault(token, len(vocab))
    return vocab


def special(vocab, *tokens):
    return [{"id": vocab[t], "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} for t in tokens]


def template(vocab, front, back):
    piece = [{"SpecialToken": {"id": t, "type_id": 0}} for t in front] + [{"Sequence": {"id": "A", "type_id": 0}}]
    piece += [{"SpecialToken": {"id": t, "type_id": 0}} for t in back]
    return {"type": "TemplateProcessing", "single": piece, "pair": piece + [{"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {t: {"id": t, "ids": [vocab[t]], "tokens": [t]} for t in front + back}}


def tokenizer(model, added=(), normalizer=None, pre=None, post=None, decoder=None):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": list(added), "normalizer": normalizer, "pre_tokenizer": pre,
            "post_processor": post, "decoder": decoder, "model": model}


def bpe_model(vocab, merges, **more):
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False,
             "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": [" ".join(m) for m in merges]}
    model.update(more)
    return model


BYTES = [f"<0x{b:02X}>" for b in range(256)]
LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def fixtures():
    words = [to_letters((" " if i else "") + w) for i, w in enumerate(LINES)]
    merges = learn(words, 60)
    vocab = vocabulary(["<|endoftext|>"], [LETTERS[b] for b in range(256)], ["".join(m) for m in merges])
    yield "gpt2", tokenizer(bpe_model(vocab, merges), special(vocab, "<|endoftext|>"), pre=LEVEL, post=LEVEL, decoder=LEVEL)

    more = vocabulary(["<|begin_of_text|>", "<|end|>"], [LETTERS[b] for b in range(256)], ["".join(m) for m in merges], [to_letters(" unaffable")])
    model = bpe_model(more, merges, ignore_merges=True)
    model["merges"] = [list(m) for m in merges]
    yield "llama3", tokenizer(model, special(more, "<|begin_of_text|>", "<|end|>"),
                              pre={"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": LLAMA3}, "behavior": "Isolated", "invert": False},
                                                                         {**LEVEL, "use_regex": False}]},
                              post={"type": "Sequence", "processors": [LEVEL, template(more, ["<|begin_of_text|>"], [])]}, decoder=LEVEL)

    marked = ["▁" + w for w in LINES]
    merges = learn([w for w in marked if w.isascii() or True], 60)
    letters = sorted(set("".join(marked)) - set("们学习é"))
    merges = [m for m in merges if not set("".join(m)) & set("们学习é")]
    vocab = vocabulary(["<unk>", "<s>", "</s>"], BYTES, letters, ["".join(m) for m in merges])
    yield "llama2", tokenizer(bpe_model(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True), special(vocab, "<unk>", "<s>", "</s>"),
                              normalizer={"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                                                                              {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
                              post=template(vocab, ["<s>"], []),
                              decoder={"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                                                                        {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})

    ends = [tuple(w[:-1]) + (w[-1] + "</w>",) for w in LINES]
    merges = learn(ends, 50)
    vocab = vocabulary(["<unk>"], sorted({c for w in ends for c in w} - {"é"}), ["".join(m) for m in merges])
    yield "suffix", tokenizer(bpe_model(vocab, merges, unk_token="<unk>", fuse_unk=True, end_of_word_suffix="</w>"),
                              normalizer={"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}, {"type": "Strip", "strip_left": True, "strip_right": True}]},
                              pre={"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {"type": "Digits", "individual_digits": True}]},
                              decoder={"type": "BPEDecoder", "suffix": "</w>"})

    pieces = ["the", "cat", "sat", "un", "##aff", "##able", "##s", "low", "##er", "##est", "new", "a", "##a", "b", "##b", "我", "爱", "你", "cafe", "na", "##ive",
              ".", ",", "!", "'", "re", "we", "12", "##3", "#", "##t", "hello", "world"]
    vocab = vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], pieces)
    bert = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 20, "vocab": vocab}
    more = special(vocab, "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    more[4]["lstrip"] = True
    more += [{"id": len(vocab), "content": "Thé-CAT", "single_word": False, "lstrip": False, "rstrip": True, "normalized": True, "special": False},
             {"id": len(vocab) + 1, "content": "mat", "single_word": True, "lstrip": False, "rstrip": False, "normalized": True, "special": False}]
    yield "bert", tokenizer(bert, more,
                            normalizer={"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
                            pre={"type": "BertPreTokenizer"}, post={"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
                            decoder={"type": "WordPiece", "prefix": "##", "cleanup": True})

    scored = [["<unk>", 0.0], ["<s>", 0.0], ["</s>", 0.0]] + [[b, -15.0] for b in BYTES]
    for i, w in enumerate(sorted(set(marked[:24] + ["▁", "▁lo", "▁low", "w", "er", "est", "▁new", "▁c", "at", "▁m", "s", "a", "t", "▁我", "爱", "▁un", "aff", "able", "l", "e", "o"]))):
        scored.append([w, -2.0 - (i * 37 % 50) / 8 - len(w) / 16])
    uni = {"type": "Unigram", "unk_id": 0, "vocab": scored, "byte_fallback": True}
    meta = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    named = {t: i for i, (t, _) in enumerate(scored)}
    yield "unigram-bytes", tokenizer(uni, special(named, "<unk>", "<s>", "</s>"), normalizer={"type": "NFKC"}, pre=meta, post=template(named, [], ["</s>"]), decoder={
        "type": "Sequence", "decoders": [{"type": "ByteFallback"}, {**meta}]})
    plain = [s for s in scored if s[0] not in BYTES]
    named = {t: i for i, (t, _) in enumerate(plain)}
    yield "unigram", tokenizer({"type": "Unigram", "unk_id": 0, "vocab": plain, "byte_fallback": False}, special(named, "<unk>", "<s>", "</s>"),
                               pre={"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {**meta, "prepend_scheme": "first"}]},
                               post=template(named, ["<s>"], ["</s>"]), decoder=meta)

    vocab = vocabulary(["[UNK]"], sorted({w.strip(".,;!") for w in LINES}), [".", ",", "!", ";", "'"])
    yield "words", tokenizer({"type": "WordLevel", "unk_token": "[UNK]", "vocab": vocab}, special(vocab, "[UNK]"),
                             normalizer={"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}, {"type": "NFC"}]},
                             pre={"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Punctuation", "behavior": "Isolated"}]})
    for how in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        parts = vocabulary(["[UNK]", "a", "b", "-", "--", "a-", "a--", "-b", "--b", "-a", "b-", "b--", "--a", "---"])
        for invert in (False, True):
            yield f"split-{how}{'-invert' if invert else ''}", tokenizer(
                {"type": "WordLevel", "unk_token": "[UNK]", "vocab": parts},
                pre={"type": "Split", "pattern": {"String": "-"}, "behavior": how, "invert": invert})


TEXTS = ["", "the cat sat", "The lowest, newest mats!", "unaffable", " unaffable  people\n\n sit ", "我爱你们学习", "café naïve ½ ﬁ ①", "12345 3.14 1e-5", "we're THEY'VE don't",
         "<s>the</s> [MASK] [CLS] <|endoftext|> <|end|> <unk>x", "tabs\tand\u00a0spaces\u3000wide", "👩‍👩‍👧 e\u0301 ｶﾞ 각", "▁the ▁▁low", "x" * 30, "a--b a-b--a ---",
         "hello world, hello", "العربية हिन्दी", "a\u200bb\u00adc", "İstanbul ẞ Σ", "the##s #s <0x41>",
         "a the-cat THÉ-cat  sat, mat mats 'mat'", "a  [MASK]  b [MASK][MASK]", "lo\x0bw low\x85er \ud7ff ca\U000e0fffat"]


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "check":
        folder = pathlib.Path(sys.argv[2])
        merges = [line for line in (folder / "merges.txt").read_text().split("\n")[1:] if line]
        vocab = json.loads((folder / "vocab.json").read_text())
        gpt2 = tokenizer(bpe_model(vocab, [m.split(" ") for m in merges]), special(vocab, "<|endoftext|>"), pre=LEVEL)
        cases = json.loads((folder / "expected.json").read_text())
        bad = [c["text"] for c in cases if encode(gpt2, c["text"]) != c["ids"]]
        print(f"{len(cases)} texts, {len(bad)} wrong", *bad, sep="\n")
        sys.exit(bool(bad))
    for name, t in fixtures():
        path = HERE / name
        path.mkdir(exist_ok=True)
        (path / "tokenizer.json").write_text(json.dumps(t, ensure_ascii=False, separators=(",", ":")) + "\n")
        cases = [{"text": x, "ids": encode(t, x)} for x in TEXTS]
        (path / "expected.json").write_text("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]\n")


main()
