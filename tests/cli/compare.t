# A twin beside its baseline, and the ablation table.

$ stepformer compare --help
out Usage: stepformer compare [OPTION]...
out --with-text TEXT
out --table
quiet

$ stepformer compare -m hand-wired -t "A B C A" -a no-positions
line first stage that differs: decoder.embed.positions
out > decoder.embed.positions         1.0000
out   switched off now: no-positions
out the likeliest token changes at 1 of 5 positions
out   4 'A'               3.8
out 'B' 0.998 becomes 'A' 0.907
line by itself, the baseline says: B C A B C A B C
line by itself, the twin says:     A A A A A A A A
quiet

$ stepformer compare -m hand-wired -t "A B C A" -a no-positions --format json
out "first": "decoder.embed.positions",
out "changed_nothing": [],
out "kl": 1.0
out "tokens_changed": 1,
out   "baseline": "B C A B C A B C",
quiet

# what each ablation changes first
$ for a in $(stepformer ablations --format names); do printf '%s %s\n' $a "$(stepformer compare -m hand-wired -a $a --format json | sed -n 's/^ "first": \(.*\),/\1/p')"; done
line no-positions "decoder.embed.positions"
line no-residual "decoder.0.self.residual"
line uniform-attention "decoder.0.self.weights"
line no-scale "decoder.0.self.scaled"
line scale-by-dk "decoder.0.self.scaled"
line no-mask "decoder.0.self.masked"
line no-norm null
line no-ffn null
line no-attention "decoder.0.self.q"
lines 9

$ for a in $(stepformer ablations --format names); do printf '%s %s\n' $a "$(stepformer compare -m zh-en -a $a --format json | sed -n 's/^ "first": \(.*\),/\1/p')"; done
line no-positions "encoder.embed.positions"
line no-residual "encoder.0.self.residual"
line uniform-attention "encoder.0.self.weights"
line no-scale "encoder.0.self.scaled"
line scale-by-dk "encoder.0.self.scaled"
line no-mask "decoder.0.self.masked"
line no-norm "encoder.0.self.norm"
line no-ffn "encoder.0.ffn.expand"
line no-attention "encoder.0.self.q"
lines 9

$ for a in $(stepformer ablations --format names); do printf '%s %s\n' $a "$(stepformer compare -m random:position=rope,norm=rmsnorm -a $a --format json 2>/dev/null | sed -n 's/^ "first": \(.*\),/\1/p')"; done
line no-positions "decoder.0.self.q_rot"
line no-residual "decoder.0.self.residual"
line no-norm "decoder.0.self.norm"
line no-ffn "decoder.0.ffn.norm"
line no-attention "decoder.0.self.norm"
lines 9

$ for a in $(stepformer ablations --format names); do printf '%s %s\n' $a "$(stepformer compare -m random:kind=encoder,encoder_layers=2,position=alibi -a $a --format json 2>/dev/null | sed -n 's/^ "first": \(.*\),/\1/p')"; done
line no-positions "encoder.0.self.biased"
line no-mask null
line uniform-attention "encoder.0.self.weights"
lines 9

# nothing changed: said, and exit 1
$ stepformer compare -m hand-wired -a no-norm
exit 1
line no-norm changed nothing: this model has no such part
line nothing changed: every number of all 27 stages is the same
lines 5

$ stepformer compare -m hand-wired -a no-norm,no-ffn --format json
exit 1
out "first": null,
line   "no-norm",
line   "no-ffn"

$ stepformer compare -m hand-wired --edit "decoder.embed.sum*=1"
exit 1
out nothing changed

$ stepformer compare -m hand-wired -t "A B C A" --with-text "A B C A"
exit 1
out nothing changed

$ stepformer compare -m hand-wired --with-model hand-wired
exit 1
out nothing changed

# of several, those that change nothing are named one by one
$ stepformer compare -m hand-wired -a no-norm,no-ffn,no-positions
line no-norm changed nothing: this model has no such part
line no-ffn changed nothing: this model has no such part
line first stage that differs: decoder.embed.positions

# edits
$ stepformer compare -m hand-wired -t "A B C A" --edit "decoder.0.self.weights[query=4]=zero" --edit "decoder.1.self.q*=2"
line first stage that differs: decoder.0.self.weights
out   edited: decoder.0.self.weights[query=4]=zero
out   edited: decoder.1.self.q*=2

$ printf 'decoder.0.self.out=zero\n' > e; stepformer compare -m hand-wired --edits e
line first stage that differs: decoder.0.self.out

# other texts: of the same length, of another; a decoder of a translator is fed the same
$ stepformer compare -t 狗咬人 --with-text 人咬狗
line both decoders are fed the same tokens: what the baseline says by itself
line first stage that differs: encoder.embed.tokens
out 'dog' 1.000 becomes 'man'
line by itself, the baseline says: the dog bites the man
line by itself, the twin says:     the man bites the dog

$ stepformer compare -t 狗咬人 --target "the dog bites" -a no-scale
line both decoders are fed the same tokens
!out what the baseline says by itself

$ stepformer compare -m hand-wired -t "A B" --with-text "A B C"
out longer; the same at the positions that both have
out of the positions that both have
out 1 more on one side only

$ stepformer compare -m random: --ids 1,2,3 --with-text 1,2,4 --format csv | cut -d, -f 1,2 | sed -n 1,2p
line stage,fate
line decoder.embed.tokens,differs

$ stepformer compare -t 狗咬人 --with-target "the man"
line first stage that differs: decoder.embed.tokens

# matrices
$ stepformer compare -m hand-wired -t "A B" -a uniform-attention --stage decoder.0.self.weights
out # decoder.0.self.weights: differs in
out # head 0
out twin - baseline

$ stepformer compare -m hand-wired -t "A B" -a no-mask --stage decoder.0.self.masked --format csv
line decoder.0.self.masked,0,0,1,-inf,0.0,inf
line decoder.0.self.masked,0,0,0,10.0,10.0,0.0
lines 10

$ stepformer compare -m hand-wired -t "A B" -a no-mask --stage decoder.0.self.masked --format json
out "difference": [
out "inf"

$ stepformer compare -m zh-en -a no-ffn --stage encoder.0.ffn.expand
line # encoder.0.ffn.expand: only in the baseline

# ---- the table ----

$ stepformer compare --table -n 20
out zh-en without each of its parts, on 20 held-out examples of zh-en
out switched off now
out trained without it
out no-positions
out Neither shows the other
out chance (every token as likely): score

$ stepformer compare --table -m mask -n 5
out nothing to switch off

$ stepformer compare --table -m sum -n 10 --format csv
out sum,whole,switched_off_now,sum,,
out no-mask,ablation,switched_off_now,sum,true,

$ stepformer compare --table -m sum -n 10 --format markdown
out | no-residual |

# both columns are the losses that eval gives
$ R=$TOP/tests/cli/recipe.json; sed 's/"steps": 20/"steps": 60, "ablations": ["no-positions"]/' $R > r.json; stepformer train $R -o run 2>/dev/null; stepformer train r.json -o run.no-positions 2>/dev/null; cp -r run run.other; stepformer compare --table -m ./run -n 50 --format json > t; for c in run "run -a no-ffn" run.no-positions; do grep -cF "$(stepformer eval -m ./$c -n 50 --format json 2>/dev/null | grep -o '"loss": [0-9.]*')" t; done; grep -c run.other t
line 2
line 1
!out 0
lines 4

# ---- what is refused ----

$ stepformer compare
exit 2
err compare: expected what the twin changes, found nothing

$ stepformer compare -m hand-wired -a no-such
exit 2
err --ablate: expected names out of

$ stepformer compare -m hand-wired -t "A B" --with-text "A Q"
exit 2
err stepformer: --with-text: 

$ stepformer compare -m hand-wired -a no-positions --with-target "A"
exit 2
err expected an encoder-decoder

$ stepformer compare -m hand-wired --with-model zh-en
exit 2
err --with-model: zh-en: expected a decoder as hand-wired is, found an encoder-decoder

$ stepformer compare -m hand-wired --with-model random:kind=decoder
exit 2
err expected the 7 tokens of hand-wired, found another vocabulary

$ stepformer compare -m hand-wired --edit "decoder.7.self.q=0"
exit 2
err decoder.7.self.q

$ stepformer compare -m hand-wired -a no-positions --stage nothing
exit 2
err --stage: expected a stage of the two passes, found 'nothing'

$ stepformer compare -m hand-wired -a no-positions --format markdown
exit 2
err --format markdown: expected --table with it

$ stepformer compare -m hand-wired -a no-positions -n 4
exit 2
err --number: expected --table with it

$ stepformer compare --table -a no-positions
exit 2
err --table: expected -m, -n and --format only, found --ablate

$ stepformer compare --table -m hand-wired
exit 2
err expected recipe.json

$ stepformer compare --table -m random:
exit 2
err expected a model that was trained for a task, found random weights

# the debugger: what keeps two passes of much in memory is said before it is done, and nothing of it is computed until then
$ big="-m random:d_model=64,n_heads=16,decoder_layers=4,max_len=2048 --ids $(python3 -c 'print(",".join(str(i % 6) for i in range(1100)))')"; stepformer frame $big --keys "x F" | tail -n 1; stepformer frame $big --keys "x y" | grep -c "not compared yet: F does it"
line  comparing keeps both passes whole: 2.5 GB of memory more; F again does it
line 1
lines 2
# a share that is not 0 does not look like it beside its baseline either
$ stepformer frame -m zh-en --keys "9 n z" | grep 'at the cursor'
out baseline 9e-05, difference 0.0
