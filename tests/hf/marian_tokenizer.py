#!/usr/bin/env python3
"""The tokenizer of tests/hf/marian: source.spm and target.spm, trained by SentencePiece itself on the sentences below, vocab.json as Marian has it
(one list of ids for both), and what SentencePiece makes of a few texts.

    python3 tests/hf/marian_tokenizer.py     writes them again (needs the sentencepiece module)

The ids follow MarianTokenizer of the transformers library: pieces from the language's file, ids from vocab.json, <unk> for a piece that is not
there, </s> behind a source. The source's table of replacements is a small one of its own, so that the file is small; it has entries of which one
begins another. The target's has none. A few pieces are left out of vocab.json on purpose.
"""
import io
import json
import os

import sentencepiece as spm

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "marian")

PAIRS = """我吃了一个苹果。	I ate an apple.
他昨天吃了三个苹果。	He ate three apples yesterday.
你好，世界！	Hello, world!
我爱你。	I love you.
她看见了一只猫。	She saw a cat.
猫在桌子上。	The cat is on the table.
这是汤姆的书。	This is Tom's book.
我们明天去学校。	We go to school tomorrow.
你叫什么名字？	What is your name?
他们喝了两杯水。	They drank two glasses of water.
我不知道。	I do not know.
今天天气很好。	The weather is very good today.
老师读了这本书。	The teacher read this book.
学生们写了一封信。	The students wrote a letter.
请给我一杯茶。	Please give me a cup of tea.
昨天我看见了汤姆。	Yesterday I saw Tom.
她有三只猫和两只狗。	She has three cats and two dogs.
苹果在桌子上。	The apple is on the table.
我喜欢读书。	I like to read books.
他在学校学习中文。	He learns Chinese at school.
注意力是你所需要的一切。	Attention is all you need.
模型把中文翻译成英文。	The model translates Chinese into English."""

# Code points of what is replaced, and by what: full-width signs, white space, a mark that joins the letter before it, and one that goes.
RULES = [([0xFF01 + i], [0x21 + i]) for i in range(94)] + [
    ([0x3000], [0x20]), ([0x09], [0x20]), ([0x0A], [0x20]), ([0xA0], [0x20]), ([0x200B], []), ([0x2026], [0x2E, 0x2E, 0x2E]), ([0x2581], [0x20]),
    ([0x65, 0x301], [0xE9]), ([0x65, 0x301, 0x301], [0x45]), ([0x63, 0x327], [0x63]), ([0xA8], [0x20, 0x308])]

TEXTS = ["我吃了一个苹果。", "他昨天吃了三个苹果。", "", " ", "  我 爱  你 ", "ＡＢＣ！？", "你好　世界", "猫\t狗\n水", "cafe\u0301 e\u0301\u0301 e", "a\u200bb",
         "▁我▁", "龘龘🙂我", "…。", "我¨你", "汤姆</s>我", "<unk>", ">>eng<< 我爱你。", "我 >>eng<< 你", "Hello, world!", "x" * 40, "\u0301我", "很好很好很好很好"]
TARGETS = ["I ate an apple.", "He ate three apples yesterday.", "", "  Hello,   world!  ", "The cat is on the table", "Attention is all you need.", "猫",
           "Tom's\tbook", "É", ">>eng<< Hello", "glasses of tea"]


def train(sentences, size, coverage, rules):
    model = io.BytesIO()
    options = {"normalization_rule_name": "identity"}
    if rules:
        path = os.path.join(HERE, "rules.tsv")
        with open(path, "w") as f:
            for a, b in rules:
                f.write(" ".join(f"{c:X}" for c in a) + "\t" + " ".join(f"{c:X}" for c in b) + "\n")
        options = {"normalization_rule_tsv": path}
    spm.SentencePieceTrainer.train(sentence_iterator=iter(sentences), model_writer=model, vocab_size=size, character_coverage=coverage,
                                   model_type="unigram", num_threads=1, unk_id=1, bos_id=-1, eos_id=0, minloglevel=2, hard_vocab_limit=False,
                                   **options)
    if rules:
        os.remove(path)
    return model.getvalue()


def ids_of(processor, vocab, text, source):
    """MarianTokenizer: a language code is cut off the beginning; special tokens out of the rest; pieces of what is between."""
    ids = []
    if text.startswith(">>") and "<<" in text:
        end = text.index("<<") + 2
        ids.append(vocab.get(text[:end], vocab["<unk>"]))
        text = text[end:]
    while text:
        at, special = min(((text.find(s), s) for s in ("</s>", "<unk>", "<pad>") if s in text), default=(len(text), ""))
        ids += [vocab.get(p, vocab["<unk>"]) for p in processor.encode(text[:at], out_type=str)]
        ids += [vocab[special]] if special else []
        text = text[at + len(special):]
    return ids + [vocab["</s>"]] if source else ids


def main():
    zh, en = zip(*(line.split("\t") for line in PAIRS.split("\n")))
    files = {"source.spm": train(zh * 8, 120, 0.98, RULES), "target.spm": train(en * 8, 90, 1.0, None)}
    vocab = {"</s>": 0, "<unk>": 1}
    processors = {}
    for name, data in files.items():
        with open(os.path.join(HERE, name), "wb") as f:
            f.write(data)
        processors[name] = p = spm.SentencePieceProcessor(model_proto=data)
        for i in range(2, p.get_piece_size()):
            if i % 17 != 9:
                vocab.setdefault(p.id_to_piece(i), len(vocab))
    vocab[">>eng<<"] = len(vocab)
    vocab["<pad>"] = len(vocab)
    with open(os.path.join(HERE, "vocab.json"), "w") as f:
        json.dump(vocab, f, ensure_ascii=False, indent=0)
        f.write("\n")
    source, target = processors["source.spm"], processors["target.spm"]
    out = {"source": [], "target": [], "decoded": []}
    for text in TEXTS:
        out["source"].append([text, ids_of(source, vocab, text, True)])
    for text in TARGETS:
        out["target"].append([text, ids_of(target, vocab, text, False)])
    spelling = {i: t for t, i in vocab.items()}
    for text, ids in out["target"]:
        if 1 not in ids and ">>" not in text:
            out["decoded"].append([ids, target.decode_pieces([spelling[i] for i in ids]).replace("▁", " ").strip()])
    with open(os.path.join(HERE, "tokens.json"), "w") as f:
        json.dump(out, f, ensure_ascii=False, indent=0)
        f.write("\n")
    print(len(vocab), "tokens")


main()
