#!/usr/bin/env python3
"""guide-commands.py DOCS/NAME: the commands of the blocks marked `sh run` of NAME.ko.md, which NAME.en.md must share."""
import re
import sys

BLOCK = re.compile(r"^```sh run\n(.*?)^```$", re.MULTILINE | re.DOTALL)
blocks = {}
for language in ("ko", "en"):
    with open(f"{sys.argv[1]}.{language}.md", encoding="utf-8") as page:
        blocks[language] = BLOCK.findall(page.read())
if not blocks["ko"] or blocks["ko"] != blocks["en"]:
    sys.exit(f"{sys.argv[1]}: the two languages do not give the same commands")
print("".join(blocks["ko"]))
