"""The command line: a file for each family of verbs, each verb's help, options, examples and act in one place.

What a verb does is a function of the wings below; here arguments become its keywords and its answer becomes text.
"""
