# generate and tokens.

$ stepformer generate -m hand-wired -t "A B C A" -n 4
line A B C A B C A B
quiet
$ stepformer generate -m hand-wired -t "A B C A" -n 4 --format ids
line 6,0,1,2,0,1,2,0,1
# a model that knows one form of text says so of another, and of nothing else
$ for t in 1+1= 012+345= 317+485 317+485=8 ''; do stepformer generate -m sum -t "$t" -n 1 >/dev/null; done 2>said; for t in 'a3b7?c' 'a3b' 'a3b7?b7a' '3a' 'a?a'; do stepformer generate -m recall -t "$t" -n 1 >/dev/null; done 2>>said; wc -l <said; cat said
line 5
out sum was trained only on two numbers from 100 to 999, as in 317+485=: what it says of other text means little
out recall was trained only on pairs of a letter and a digit
quiet
$ stepformer frame -m sum -t 12+34= | tail -n 2; stepformer frame -m sum | tail -n 2; stepformer frame -m story -t "one day" | tail -n 2
out sum was trained only on two numbers
!out story was trained
$ stepformer generate -m hand-wired -t "A B C A" -n 0
line A B C A
$ stepformer generate -m hand-wired -t "A B C A" -n 1000000
line A B C A B C A B C A B C A B C
err stopped at 16 tokens
$ stepformer generate -m hand-wired -t "A B C A" -n 9 --no-cache >a && stepformer generate -m hand-wired -t "A B C A" -n 9 | cmp - a
quiet
$ stepformer generate -m hand-wired -t "A B C A" -n 4 -a no-mask
line A B C A B C A B
err nothing can be cached
$ stepformer generate -m hand-wired -t "A B A C A" --temperature 1 --seed 7 >a; stepformer generate -m hand-wired -t "A B A C A" --temperature 1 --seed 7 | cmp - a; stepformer generate -m hand-wired -t "A B A C A" --temperature 1 --seed 8 | cmp -s - a; echo $?
line 1
$ stepformer generate -m hand-wired -t "A B C A" -n 1 --steps
line # step 1: drawn 1
out top-p
out   B
line A B C A B
$ stepformer generate -m hand-wired -t "A B A C A" -n 1 --temperature 1 --top-k 2 --steps
out -inf
# what every step left, and where the draw fell
$ stepformer generate -m story -n 2 --temperature 3 --top-k 8 --top-p 0.95 --steps
line # entropy: 0.001 nats, scaled 2.254, top-k 0.540, top-p 0.328
line # left: top-k 8 with 0.7115 of the share, top-p 5 with 0.9567 of that
line # the number drawn: 0.8833; 0.0000 to 0.9356 is this token's share
$ stepformer generate -m story -n 1 --steps
line # left: top-k 1 with 1.0000 of the share, top-p 1 with 1.0000 of that
lines 14
$ stepformer generate --help
out lab
out beam search
$ stepformer generate -m zh-en.rope -t 我爱你 -n 40 --temperature 30
err but it was made for 18 (max_len)
$ stepformer generate -m recall -t 'a3b7c1?b' -n 20
out a3b7c1?b7
quiet
$ stepformer generate -m hand-wired --seed 5 -n 1
err need a --temperature above 0

$ stepformer generate -m hand-wired -n 99999999999999999999
exit 2
err --number: expected a whole number from 0 to 16777216
$ stepformer generate -m hand-wired -n -1
exit 2
err found "-1"
$ stepformer generate -m hand-wired --temperature -0.5
exit 2
err --temperature
$ stepformer generate -m hand-wired --temperature nan
exit 2
err found "nan"
$ stepformer generate -m hand-wired --temperature 1x
exit 2
err found "1x"
$ stepformer generate -m hand-wired --top-p 0
exit 2
err above 0
$ stepformer generate -m hand-wired --top-p 1.01
exit 2
err --top-p
$ stepformer generate -m hand-wired --top-k 1.5 --temperature 1
exit 2
err --top-k
$ stepformer generate -m random:kind=encoder
exit 2
err w in the debugger shows what it says of each token
lines 0

# an encoder-decoder says what its decoder says
$ stepformer generate -m random:kind=encoder-decoder,encoder_layers=1,decoder_layers=1 --ids 1,2 -n 3 --format ids | tr -dc , | wc -c
line 3
$ stepformer generate -m random:kind=encoder-decoder,encoder_layers=1,decoder_layers=1 --ids 1,2 --target-ids 5,6 -n 0 --format ids
line 5,6

# a real model
$ stepformer generate -m "$REAL/stories260K/stories260K.bin" -t "Once upon a time" -n 17
needs real
out Once upon a time, there was a little girl named Lily. She loved
$ LC_ALL=C stepformer generate -m "$REAL/stories260K/stories260K.bin" -t "我爱你" -n 0
needs real
line 我爱你
$ stepformer tokens -m "$REAL/stories260K" -t "Hello, 我"
needs real
line     346        0-2   He
line     233        7-8  <0xE6>
line     148        7-8  <0x91>

$ stepformer tokens -m hand-wired -t "A B C A"
line       6          -  <s>
line       2        4-5  C
line       0        6-7  A
lines 5
quiet
$ stepformer tokens -m hand-wired -t "  A   B " --format json
line  {"id": 6, "token": "<s>"},
line  {"id": 0, "token": "A", "start": 2, "end": 3},
line  {"id": 1, "token": "B", "start": 6, "end": 7}
$ stepformer tokens -m hand-wired
line       3  D
lines 7
$ stepformer tokens -m random:vocab_size=2 --format ids
line 0,1
$ stepformer tokens -m random:vocab_size=2 -t A
exit 2
err no vocabulary
$ mkdir only; printf '我\n爱\n爱你\n' >only/vocab.txt; stepformer tokens -m only -t 我爱你
line       0        0-1  我
line       2        1-3  爱你
lines 2
quiet
$ mkdir only; printf '我\n爱\n爱你\n' >only/vocab.txt; stepformer tokens -m only -t "" --format ids
line 
lines 1
$ mkdir none; stepformer tokens -m none -t A
exit 2
err none: expected tokenizer.json, vocab.txt
$ stepformer tokens --tokenizer "$TOP/tests/data/model/tok280.bin" -t "A" --format ids
out 1,
