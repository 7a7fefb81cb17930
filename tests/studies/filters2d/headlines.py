"""What the audit of the notebook says first: claims, verdicts before a cause renames them, and words of evidence."""

LEAST = (164, 136, 77)  # claims, those with a judge, those computed without runs
HEADLINES = (
    ("bayer-own-plots", "protocol mismatch", "between 0.00248 and 0.00258, the linear one between 0.00144 and 0.0015"),
    ("channel-own-plots", "protocol mismatch", "between 0.0148 and 0.0154, the linear one between 0.0101 and 0.0105"),
    ("xyz-reference", "erratum", "0.41245643909"),
    ("xyz-linear", "protocol mismatch", "leaves 29 % of the deviation"),
    ("xyz-reference-digits", "reproduced", "0.488717965481"),
    ("xyz-comparison", "erratum", "0.261 off the printed matrix's"),
    ("kernel-footprint", "reproduced", "33 x 9 pixels; 15 x 15 of them hold 94.0 %"),
    ("lstm2-output", "erratum", "AttributeError"),
    ("bayer-code", "erratum", "IndexError"),
    ("squares", "erratum", "4 of the 16 pairs"),
    ("executable", "erratum", "4 of 4"),
    ("conversion", "reproduced", "5 of 5"),
    ("square-labels", "erratum", "(4, 128, 128)"),
    ("median-of-dots", "reproduced", "in 0 of 200 images"),
    ("reverse-view", "reproduced", "82 % of the pixels see no boundary"),
    ("fft-faster", "reproduced", "4,096 real products for a window of 256 in place of 131,072, 32 times"),
    ("sigmoid-softplus", "reproduced", "0.368 within 5 of 0, ReLU by up to 0.693"),
    ("square-hardly", "reproduced", "2.3 % of guessers"),
    ("with-pooling", "reproduced", "which see 22 x 22 pixels"),
    ("batches", "reproduced", "the two estimate the same thing"),
    ("mosaic-samples", "reproduced", "the two estimate the same thing"),
)
