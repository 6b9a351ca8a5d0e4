# Lessons: listed, printed, checked, on paper.
$ stepformer lesson
out q03
out √d_k
out so far right lesson
quiet
$ stepformer lesson --lang zh
out 为什么
$ stepformer lesson | awk 'length($0) > 80'
lines 0
quiet
$ stepformer lesson --check q03
out 2 files
out 0 wrong
quiet
$ stepformer lesson --check $TOP/lessons/q03/en.md
out 1 file
$ mkdir some; cp -r $TOP/lessons/q03 $TOP/lessons/q10 some; stepformer lesson --check some
out 0 wrong
# a single file can be checked outside its folder
$ printf '# t\n\n```check always\n1 < 2\n```\n' >own.md; stepformer lesson --check own.md
out 1 always
$ printf '# t\n\n```check always\n2 < 1\n```\n' >own.md; stepformer lesson --check own.md
exit 1
out own.md:4: check always: expected it to hold, found that it does not: 2 < 1; 2 < 1
$ printf '# t\n\n```check always\n2 <\n```\n' >own.md; stepformer lesson --check own.md
exit 2
out own.md:4: check: "2 <":
$ printf '# t\n\n```check always\n2 < 1\nmax(no.stage) > 1\n```\n' >own.md; stepformer lesson --check own.md
exit 2
out own.md:4:
out own.md:5:
$ mkdir -p mine/a mine/b; printf '# t\n\n```check always\n1 < 2\n```\n' >mine/a/en.md; cp mine/a/en.md mine/b/zh.md; stepformer lesson --check mine
out 2 files
$ mkdir mine; printf '# t\n\n`= 1`\n' >mine/en.md; printf '# t\n\n`= 2`\n' >mine/zh.md; stepformer lesson --check mine
exit 2
out mine/zh.md:
$ stepformer lesson --check nowhere
exit 2
err expected the name of a lesson, a folder or a file, found "nowhere"
# printed whole, with its numbers computed
$ stepformer lesson q03
out Var(Q·K), this head
out ratio, 8.000
out divided by 2.828.
quiet
$ stepformer lesson 3 --lang zh
out 先猜一猜
$ LC_ALL=C stepformer lesson q03 | LC_ALL=C tr -d '\000-\177' | wc -c
line 0
$ printf '# t\n\nThe sum is `= 2 + 3`.\n' >own.md; stepformer lesson own.md
line The sum is 5.
$ mkdir mine; printf '# t\n\nHere.\n' >mine/en.md; stepformer lesson mine
line Here.
# worksheets
$ stepformer lesson q03 --worksheet
out # Q3. Why divide by
out - [ ] a. 1, as that of each component
!out variances of independent terms add
$ stepformer lesson q03 --worksheet --answers --format html
out <!DOCTYPE html>
out variances of independent terms add
$ stepformer lesson q03 --answers
exit 2
err --answers: expected --worksheet beside it
$ stepformer lesson q03 --check --present
exit 2
err --check: expected no --present beside it
$ stepformer lesson q03 q04
exit 2
err expected one lesson, found 2
$ stepformer lesson q03 -o sheet.md --worksheet && stepformer lesson q03 --worksheet | cmp - sheet.md && head -n 1 sheet.md
out # Q3. Why divide by
# a frame keeps nothing
$ stepformer frame --lesson q03 --keys "Space c"; ls state
exit 2
out right
$ stepformer frame --lesson no-such
exit 2
err expected the name of a lesson

# in front of a class the end of a lesson says nothing of what was answered
$ stepformer frame --lesson $TOP/tests/data/lesson.md --keys "n b n Esc # End Enter n" | grep -c 'answered right'; stepformer frame --lesson $TOP/tests/data/lesson.md --present --keys "n b n Esc # End Enter n" | grep -c 'answered right\|The end of this lesson'
line 1
lines 2
