# tokens: tokenizers of Hugging Face's, and every step.

$ stepformer tokens --tokenizer "$TOP/tests/tokenizers/gpt2" -t "the cat sat" --format ids
line 258,283,286
$ stepformer tokens --tokenizer "$TOP/tests/tokenizers/gpt2" -t " 好" --format text
out Ġ
out <0xE5>
$ stepformer tokens --tokenizer "$TOP/tests/tokenizers/gpt2" -t "the cat" --format json
out "spelling": "Ġcat"
$ stepformer tokens --tokenizer "$TOP/tests/tokenizers/gpt2" -t " the" --steps
line Byte-pair encoding: the piece begins as characters; of all neighbours the two whose merge was learned first are merged, again and again.
out begins as                       Ġ t h e
out merge
out Ġthe
$ stepformer tokens --tokenizer "$TOP/tests/tokenizers/bert/tokenizer.json" -t "Unaffable" --steps
out BertNormalizer: letters to lower case
out no token: unaffabl
out taken: ##aff
out [CLS]
$ stepformer tokens --tokenizer "$TOP/tests/tokenizers/unigram" -t "the lowest" --steps
out up to it
out </s>
$ stepformer tokens --tokenizer "$TOP/tests/tokenizers/llama2" -t "们x"
out <0xE4>
out <s>
$ stepformer tokens -t 我爱你 --steps
out Longest match
$ stepformer tokens --steps
exit 2
err --steps: expected a text, found none
$ stepformer tokens -t 我 --steps --format json
exit 2
err --steps: expected --format text
$ stepformer tokens -m hand-wired --tokenizer "$TOP/tests/tokenizers/bert" -t a
exit 2
err expected at most 7 tokens, one for each of the model's vocab_size
$ stepformer tokens -m random:vocab_size=60 --tokenizer "$TOP/tests/tokenizers/bert" -t "the cat"
out cat
err has ids 0 to 39, the model 0 to 59: those beyond have no token
$ stepformer tokens --tokenizer spm.model -t a; echo x >spm.model; stepformer tokens --tokenizer spm.model -t a
exit 2
err SentencePiece's own file, which is not read
$ echo '{"model":{"type":"WordLevel","vocab":{"a":0}},"later":1}' >t.json; stepformer tokens --tokenizer t.json -t a
out a
err the field "later" is not known here, and may change the ids
$ mkdir two; echo '{"a":0,"b":1}' >two/vocab.json; echo 'a b' >two/merges.txt; stepformer tokens --tokenizer two -t ab
exit 2
err merges.0: expected what this merge makes in the vocabulary, found no token "ab"

# a long piece: the whole row only at the beginning and the end; a rule says what it puts in
$ awk 'BEGIN { for (i = 0; i < 5000; i++) printf "a" }' | stepformer tokens --tokenizer $TOP/tests/tokenizers/llama2 -t - --steps
out Prepend: "▁" in front
out (5001 tokens: the whole row is shown at the beginning and at the end

# letters that stand for bytes: what they come from is said
$ stepformer tokens --tokenizer $TOP/tests/tokenizers/gpt2 -t "the 们" --steps
out piece 2 of 2: Ġä»¬   from:  们

# a tokenizer that is not there
$ stepformer tokens --tokenizer nope.json -t a
exit 2
err --tokenizer: expected a tokenizer's file, its folder or a model, found nothing called "nope.json"
