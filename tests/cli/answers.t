# What was answered, summed up.
$ stepformer answers
out no answers yet
quiet
$ stepformer answers --format json
out "answers": 0
$ mkdir -p state/stepformer; printf '%s\n' '{"version":1,"topic":"weights","question":"row-sum","result":"wrong","attempt":1,"mistake":"column-sum"}' '{"version":1,"topic":"weights","question":"row-sum","result":"right","attempt":1,"mistake":""}' '{"version":1,"topic":"q","question":"shape","result":"skipped","attempt":1,"mistake":""}' >state/stepformer/answers; stepformer answers
out 2 answers: 1 right (50%), 1 of them the first time; skipped: 1
out    1  column-sum (weights)
quiet
$ mkdir -p state/stepformer; printf '%s\n' '{"version":1,"topic":"weights","result":"right","attempt":1}' 'scribble' '{"version":1' >state/stepformer/answers; stepformer answers --format json
out "right": 1
out "damaged_lines": 2
err answers: line 2 and 1 more are not answers, and are left out
$ mkdir -p state/stepformer; echo >state/stepformer/answers; stepformer answers --forget; ls state/stepformer
err forgotten
lines 0
$ stepformer answers --forget
err nothing to forget
$ mkdir -p state/stepformer/answers; stepformer answers
exit 2
err answers
$ env -u HOME -u XDG_STATE_HOME "$(command -v stepformer)" answers
exit 2
err expected $XDG_STATE_HOME or $HOME
$ stepformer answers extra
exit 2
# predict-first: a frame keeps no answers, and a pipe has nobody to ask
$ stepformer frame -m hand-wired --predict --keys "Esc n"
out predict first
out positions = P[position]
$ stepformer frame -m hand-wired --predict --keys "Esc n b a c"; ls state
exit 2
$ stepformer step -m hand-wired --predict
exit 2
err --predict: expected a terminal
