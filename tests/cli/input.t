# -t, --ids and their relatives, through every command that takes them.

$ stepformer trace --ids= -m hand-wired
exit 2
err expected at least one token for the decoder, found none
lines 0
$ stepformer trace -m hand-wired --ids 999
exit 2
err --ids: number 1: expected an id from 0 to 6, found "999"
$ stepformer trace -m hand-wired --ids 1,x
exit 2
err --ids: number 2
$ stepformer trace -m hand-wired --ids 1,
exit 2
err --ids: number 2
$ stepformer trace -m hand-wired --ids=-1
exit 2
err found "-1"
$ stepformer trace -m hand-wired --ids 99999999999999999999
exit 2
err --ids: number 1
$ stepformer trace -m hand-wired --ids 1 -t A
exit 2
err give only one of -t and --ids
$ stepformer trace -m hand-wired -t A --target B
exit 2
err --target: expected an encoder-decoder, found the decoder-only model hand-wired
$ stepformer trace -m hand-wired -t "A Q"
exit 2
err text: character 3: expected a word of this model's vocabulary, found "Q"
$ stepformer trace -m hand-wired -t "$(printf 'A \377')"
exit 2
err text: byte 3: expected UTF-8, found 0xFF
$ stepformer tokens -m hand-wired -t "$(printf '\346\210')"
exit 2
err text: byte 1: expected UTF-8
$ stepformer trace -m hand-wired -t "A A A A A A A A A A A A A A A A"
exit 2
err expected at most 16 tokens
$ stepformer trace -m random:kind=encoder-decoder -t A
exit 2
err no vocabulary; give numbers with --ids

# a text from standard input, one line end left out
$ printf 'A B\n' | stepformer tokens -m hand-wired -t - --format ids
line 6,0,1
$ printf 'A B\r\n' | stepformer tokens -m hand-wired -t - --format ids
line 6,0,1
$ printf 'A B' | stepformer tokens -m hand-wired --text=- --format ids
line 6,0,1
$ stepformer tokens -m hand-wired -t - --format ids </dev/null
line 6
$ printf 'A\000B' | stepformer tokens -m hand-wired -t -
exit 2
err a zero byte
$ stepformer tokens -m hand-wired -t - <&-
exit 2
err standard input: cannot be read

# nothing given: the example
$ stepformer trace -m hand-wired --format json --stage output.probs
out "target": [6, 0, 1, 2, 0]
$ stepformer trace -m random:vocab_size=4 --format json --stage output.probs
out "target": [1, 2, 3]
err untrained

# ablations
$ stepformer trace -m hand-wired -a no-ffn,no-such
exit 2
err --ablate: expected names out of no-positions
err found 'no-such'
$ stepformer trace -m hand-wired -a no-norm -a no-ffn --stage output.probs
err stepformer: no-norm changed nothing: this model has no norms
err stepformer: no-ffn changed nothing: this model has no FFN
$ stepformer trace -m hand-wired -a no-scale,scale-by-dk --stage output.probs
err stepformer: scale-by-dk changed nothing: the logits are the same without it
!err no-scale changed
$ stepformer trace -m hand-wired -a no-positions --stage output.probs
quiet
$ stepformer trace -m random:kind=encoder -a no-mask --stage output.probs
err no-mask changed nothing: this model has no causal mask
$ stepformer trace --ids 3 -m random:norm=none -a no-mask --stage output.probs
err no-mask changed nothing: the logits are the same without it

# models
$ stepformer trace -m hand-wierd
exit 2
err nearest: "hand-wired"
$ stepformer trace -m ""
exit 2
err expected a model's name
$ stepformer trace -m random:n_heads=4,n_kv_heads=3
exit 2
err n_kv_heads
