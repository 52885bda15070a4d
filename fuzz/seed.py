#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Writes fuzz/corpus/request anew from tests/data/http-corpus.jsonl, in the form of fuzz_request.c.

Files of other names, which a fuzzer has found or somebody has written, stay as they are.
"""
import json
import pathlib

root = pathlib.Path(__file__).resolve().parent.parent
corpus = root / 'fuzz/corpus/request'
corpus.mkdir(parents=True, exist_ok=True)

for line in (root / 'tests/data/http-corpus.jsonl').read_text().splitlines():
    sample = json.loads(line)
    head, _, form = sample['request_raw'].partition('\r\n\r\n')
    first, *fields = head.split('\r\n')
    target = first.partition(' ')[2].rpartition(' ')[0]
    headers = {k.lower(): v.strip() for k, _, v in (f.partition(':') for f in fields)}
    (corpus / sample['id']).write_bytes(
        '\n'.join([target, headers.get('authorization', ''), sample['peer'], form]).encode())
