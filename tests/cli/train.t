# Training and scoring: what is refused before any training, and what is left behind.

$ stepformer train --help
out Usage: stepformer train [OPTION]... [RECIPE]
out --text FILE
out --output DIR
quiet

$ stepformer train $TOP/tests/cli/recipe.json -o run && ls run && stepformer eval -m ./run -n 20
out config.json
out model.safetensors
out recipe.json
out vocab.txt
!out checkpoint
out task   sum
out score  0.
out n      20
err step 10 of 20
err step 20 of 20  loss
err tokens/s
err stepformer: run: finished; loss
err look at it: stepformer -m ./run

$ stepformer train $TOP/tests/cli/recipe.json -o run 2>/dev/null; stepformer eval -m ./run -n 20 --format json
out "task": "sum"
out "score": 0.
out "loss": 2.
out "n": 20,
out "failures": [
quiet

$ stepformer train $TOP/tests/cli/recipe.json -o run 2>/dev/null; stepformer train $TOP/tests/cli/recipe.json -o run
exit 2
err stepformer: run: expected a new folder or an unfinished run of this recipe, found a model; try another name

# an interrupted run goes on to the same weights
$ R=$TOP/tests/cli/recipe.json; sed 's/"steps": 20/"steps": 30000/' $R > long.json; (stepformer train long.json -o run & p=$!; while ! [ -e run/checkpoint.safetensors ]; do sleep 0.05; done; sleep 0.3; kill -INT $p; wait $p; echo status $?) 2>said; grep -c 'stopped after step' said; ls run
line status 130
line 1
out checkpoint.safetensors
out model.safetensors

$ sed 's/"steps": 20/"steps": 400/' $TOP/tests/cli/recipe.json > r.json; stepformer train r.json -o a 2>/dev/null; (stepformer train r.json -o b & p=$!; while ! [ -e b/checkpoint.safetensors ]; do :; done; kill -KILL $p; wait $p) 2>/dev/null; ls b; stepformer train r.json -o b 2>/dev/null; cmp a/model.safetensors b/model.safetensors && echo same
line checkpoint.safetensors
line same

# a connection that is lost stops a run, so that it can be gone on with; one that was started with nohup goes on
$ R=$TOP/tests/cli/recipe.json; sed 's/"steps": 20/"steps": 30000/' $R > long.json; for how in "" nohup; do ($how stepformer train long.json -o run$how & p=$!; while ! [ -e run$how/checkpoint.safetensors ]; do sleep 0.05; done; kill -HUP $p; sleep 0.5; kill -TERM $p; wait $p; echo status $?) 2>/dev/null; done
line status 129
line status 143

# one thread or three
$ for n in 1 3; do STEPFORMER_THREADS=$n stepformer train $TOP/tests/cli/recipe.json -o $n 2>/dev/null; done; cmp 1/model.safetensors 3/model.safetensors && echo same
line same
quiet

# a text of one's own
$ for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo "the cat sat on the mat, and the dog ran after it."; done > book; stepformer train --text book -o m 2>/dev/null && stepformer generate -m ./m -t "the cat" -n 13 && ls m
out the cat sat on the
line text.txt
quiet

# ---- what is refused ----

$ stepformer train
exit 2
err stepformer: train: expected a recipe or --text, found neither

# a model's name or folder stands for its recipe; one that is no name says what is
$ stepformer train indction -o x; ls
exit 0
err train: expected a recipe, or the name or folder of a model that has one, found "indction"; nearest: "induction"
lines 0

$ stepformer train hand-wired -o x
exit 2
err expected recipe.json, which names the model's task, in this folder, found none

$ stepformer train $TOP/tests/cli/recipe.json -o a 2>/dev/null; stepformer train ./a -o b 2>/dev/null; cmp a/model.safetensors b/model.safetensors && echo same
line same

$ (stepformer train induction -o run & p=$!; while ! [ -e run/checkpoint.safetensors ]; do sleep 0.05; done; kill -INT $p; wait $p) 2>/dev/null; cmp run/recipe.json $TOP/tiny-models/induction/recipe.json && echo same
line same

$ stepformer train a b -o x
exit 2
err train: expected one recipe, found 2

$ stepformer train a --text b -o x
exit 2
err found both

$ stepformer train $TOP/tests/cli/recipe.json
exit 2
err train: --output: expected the folder of the model, found none; give -o DIR

$ stepformer train --text x --words --characters -o y
exit 2
err train: expected one of --characters and --words, found both

$ stepformer train $TOP/tests/cli/recipe.json --words -o x
exit 2
err train: --words: expected --text with it

$ stepformer train none.json -o x; ls
exit 0
err stepformer: none.json: cannot be opened: No such file or directory
lines 0

$ echo '{"task": "sum", "stepps": 3}' > r.json; stepformer train r.json -o x
exit 2
err stepformer: r.json: "stepps": expected a key of a recipe, found an unknown one; nearest: "steps"

$ echo '{"task": "sum", "config": {"position": "learned", "max_len": 4}}' > r.json; stepformer train r.json -o x; echo $?; ls
err r.json: config: max_len: expected at least
line 2
lines 2

$ stepformer train $TOP/tests/cli/recipe.json -o no/such/folder
exit 2
err no/such/folder: cannot be created

$ stepformer train $TOP/tests/cli/recipe.json -o /dev/full
exit 2
err /dev/full: expected a new folder

$ echo '{"task": "sum", "lr": 1000, "lr_end": 1000, "weight_decay": 900, "warmup": 0, "eval_every": 0}' > r.json; stepformer train r.json -o x
exit 1
err training broke down; try a smaller lr

# a full disk leaves the last checkpoint, and the same command goes on from it
$ (ulimit -f 20; trap '' XFSZ; stepformer train $TOP/tests/cli/recipe.json -o x); echo $?; ls
err cannot be written
line 2
lines 1

$ stepformer eval -m random:
exit 2
err expected a model that was trained, found random weights

$ stepformer eval -m hand-wired
exit 2
err expected recipe.json, which names the model's task, in this folder, found none

$ stepformer train $TOP/tests/cli/recipe.json -o run 2>/dev/null; stepformer eval -m ./run -a no-positions -n 5
out score
!err changes nothing

$ stepformer train $TOP/tests/cli/recipe.json -o run 2>/dev/null; stepformer eval -m ./run -n 0
exit 2
err --number: expected a whole number from 1 to 1000000, found "0"

# two at once in one folder: the second is refused; a killed one is in nobody's way, and nothing of it is left behind
$ sed 's/"steps": 20/"steps": 30000/' $TOP/tests/cli/recipe.json > long.json; stepformer train long.json -o run 2>/dev/null & p=$!; while ! [ -e run/checkpoint.safetensors ]; do sleep 0.05; done; stepformer train long.json -o run; echo second $?; kill -KILL $p; wait $p 2>/dev/null; (stepformer train long.json -o run & p=$!; sleep 0.5; kill -INT $p; wait $p; echo again $?); ls -A run | grep -v '[.]safetensors[.]'
line second 2
line again 130
err run: expected a folder that nobody trains in, found another run at work in it; wait for its end, or try another name
err going on after step
lines 7

# a small loss keeps its digits
$ yes "a b" | head -n 500 > ab; echo '{"task": "text", "text": "ab", "length": 8, "config": {"d_model": 16, "n_heads": 2, "d_ff": 32, "decoder_layers": 1}, "steps": 300, "lr": 0.03, "eval_every": 0}' > r.json; stepformer train r.json -o run; stepformer eval -m ./run -n 5
!err loss 0.0000
err e-0
out e-0
!out 0.0000
