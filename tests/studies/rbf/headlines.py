"""What the audit of the exercise says first: claims, their verdicts and words of their evidence."""

LEAST = (41, 36, 27)  # claims, those with a judge, those computed without runs
HEADLINES = (
    ("batch-activation", "reproduced", ""),
    ("shapes-problem", "reproduced", "3 of 3 sizes are refused"),
    ("density", "reproduced", "differ by"),
    ("logical-copies", "reproduced", "strides of 0; 512 bytes"),
    ("chance", "reproduced", "10"),
)
