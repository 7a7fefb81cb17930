"""What the audit of the exercise says first: claims, their verdicts and words of their evidence."""

LEAST = (47, 42, 31)  # claims, those with a judge, those computed without runs
HEADLINES = (
    ("one-symbol", "protocol mismatch", "a norm on one slide, its square on the other"),
    ("slides-together", "erratum", "differ by 0.312"),
    ("batch-activation", "reproduced", ""),
    ("numbers-of-parameters", "reproduced", "300; 1,010"),
    ("constructor", "erratum", "features and centres"),
    ("density", "erratum", "2.507 for sigma 1"),
    ("logical-copies", "reproduced", "strides of 0; 512 bytes"),
    ("chance", "reproduced", "10"),
)
