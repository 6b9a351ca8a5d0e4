# Two languages: --lang, or what the environment says; also where the locale was never generated.

$ stepformer --lang zh ablations
exit 2
err 只接受选项

$ stepformer ablations --lang zh
out 子层的结果取代残差流
!out replaces

$ LC_ALL=zh_CN.UTF-8 stepformer ablations
out 子层的结果取代残差流

$ unset LC_ALL; LANG=zh_CN.UTF-8 stepformer ablations
out 子层的结果取代残差流

$ LC_ALL=C.UTF-8 LANGUAGE=zh_CN stepformer ablations
out 子层的结果取代残差流

$ LC_ALL=zh_CN.UTF-8 stepformer ablations --lang en
out a sub-layer's result replaces the stream
!out 残差流

$ LC_ALL=C stepformer ablations --lang zh
out 子层的结果取代残差流

$ LC_ALL=fr_FR.UTF-8 stepformer ablations
out a sub-layer's result replaces the stream

# a lesson speaks what the program speaks
$ LC_ALL=zh_CN.UTF-8 stepformer lesson
out 为什么

$ LC_ALL=zh_TW.UTF-8 stepformer lesson
out Why divide
!out 为什么

$ LC_ALL=zh_CN.GB18030 stepformer lesson
out Why divide

$ LC_ALL=zh_CN.UTF-8 stepformer step -m no-such-model
exit 2
err 没有叫这个名字的

$ LC_ALL=zh_CN.UTF-8 stepformer frame -m hand-wired -t "A B C A"
out 词元嵌入
out 下一步

# what programs read is the same in every language
$ stepformer trace -m hand-wired -t "A B" --format json >en; LC_ALL=zh_CN.UTF-8 stepformer trace -m hand-wired -t "A B" --format json >zh; test -s en && cmp en zh

$ stepformer trace -m hand-wired -t "A B" --format csv >en; LC_ALL=zh_CN.UTF-8 stepformer trace -m hand-wired -t "A B" --format csv >zh; test -s en && cmp en zh

$ stepformer compare -m hand-wired -t "A B C A" -a no-positions --format json >en; stepformer compare -m hand-wired -t "A B C A" -a no-positions --format json --lang zh >zh; test -s en && cmp en zh

$ stepformer explain heads -m hand-wired -t "A B C A" --format csv >en; stepformer explain heads -m hand-wired -t "A B C A" --format csv --lang zh >zh; test -s en && cmp en zh

$ stepformer print -m hand-wired -t "A B C A" "entropy(decoder.0.self.weights)" --format json >en; stepformer print -m hand-wired -t "A B C A" "entropy(decoder.0.self.weights)" --format json --lang zh >zh; test -s en && cmp en zh

$ stepformer stages -m hand-wired >en; stepformer stages -m hand-wired --lang zh >zh; test -s en && cmp en zh

# a screen of ASCII cannot hold Chinese
$ LC_ALL=C stepformer frame -m hand-wired -t "A B C A" --lang zh
err the screen is in English
out token embeddings
!out \u

$ LC_ALL=C stepformer frame -m hand-wired -t "A B C A"
quiet

# what draws speaks English where the locale has only ASCII, instead of escaping every Chinese character; lists in English are ASCII there, too
$ for c in "lab scaling --help" "lab" "hunt --card stale-cache" "hunt --bug no-scaling --answer weights" "step -m hand-wired"; do LC_ALL=C stepformer $c --lang zh 2>said | LC_ALL=C grep -c '[^ -~]\|u[0-9A-F][0-9A-F][0-9A-F][0-9A-F]'; grep -c 'ASCII only' said; done | sort | uniq -c | tr -s ' '
line  5 0
line  5 1
$ for c in models ablations keys lesson "train --help"; do LC_ALL=C stepformer $c 2>/dev/null | LC_ALL=C grep -c '[^ -~]'; done | sort -u
line 0
lines 1
