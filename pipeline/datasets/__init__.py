"""Labelled corpora as their authors ship them: who is shown, who drives, made by what, in which split."""
