"""The learning rate changed while a training is watched: python3 tests/cli/watch.py PROGRAM. Says what is wrong and fails."""
import json, os, subprocess, sys, tempfile

from terminal import Terminal, bad, expect

program = os.path.abspath(sys.argv[1])
recipe = {
    "task": "sum",
    "config": {"d_model": 16, "n_heads": 2, "d_ff": 32, "decoder_layers": 1, "position": "rope"},
    "steps": 4000, "batch": 8, "warmup": 5, "eval_every": 0, "save_every": 50,
}


class Busy(Terminal):
    """One that is drawn twenty times a second: it is never quiet for long."""

    def read(self, quiet=0.3, first=5):
        super().read(min(quiet, 0.02), first)


def train(source, folder):
    return subprocess.run([program, "train", source, "-o", folder], capture_output=True).returncode


def weights(folder):
    return open(folder + "/model.safetensors", "rb").read()


os.chdir(tempfile.mkdtemp())
json.dump(recipe, open("r.json", "w"))

# what is typed is written down, and the run goes on with it
t = Busy(program, "train", "--watch", "r.json", "-o", "run")
t.press(" ", ">", ">", " ")
expect("×2".encode() in t.seen, "the factor on the screen")
t.press(" ", "<")
t.press("q")
expect(t.wait() == 1, "status 1 of a run that was stopped")
changes = json.load(open("run/recipe.json")).get("lr_changes", [])
expect([factor for _, factor in changes] == [4, 2], "×4 and ×2 in lr_changes, found %s" % changes)
expect(train("r.json", "run") == 0, "the recipe as it was given to go on with the run")
expect(json.load(open("run/recipe.json")).get("lr_changes", []) == changes, "the changes in the recipe beside the model")

# the recipe beside the model gives it again; the one without changes gives another
expect(train("run/recipe.json", "again") == 0 and train("r.json", "plain") == 0, "both recipes to be trained")
expect(weights("again") == weights("run"), "the same weights from the recipe beside the model")
expect(weights("plain") != weights("run"), "other weights without the changes")

sys.exit(1 if bad else 0)
