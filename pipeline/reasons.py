"""Every reason code a row may carry, with its meaning.

A file that is not processed, or is processed with a caveat, carries one of these codes in
``reason_code`` and one sentence about this very file in ``reason``. Codes are never reused for
something else: reports of old cases keep their meaning.
"""

from __future__ import annotations

from typing import Final

# Why a video gave no frames.
DECODE_FAILURES: Final[dict[str, str]] = {
    "empty_file": "the file has no bytes",
    "unreadable": "the file, or the container in it, could not be opened",
    "not_video": "the content is not a video container this tool knows",
    "no_video_stream": "the container holds no video stream (audio only, or a cover picture)",
    "no_decoder": "the video is coded in a way no decoder at hand understands",
    "no_frames": "the video stream gave no frame",
    "too_short": "the video has fewer than two frames, so nothing moves in it",
    "too_large": "the picture has more pixels than the limit for one frame",
    "too_many_streams": "the container declares more streams than the limit",
    "bad_crop": "the crop asked for lies outside the picture",
    "decoder_crashed": "the decoder's process died while it read the file",
    "timed_out": "decoding took longer than the limit, or stood still",
    "over_memory": "decoding needed more memory than the limit",
}

# What is remarkable about a video that was processed all the same.
DECODE_CAVEATS: Final[dict[str, str]] = {
    "salvaged": "parts of the video are damaged; frames before and after the damage were used",
    "holes": "frames are missing in places although the decoder did not complain; no clip spans them",
    "truncated": "the file ends before the video it declares; frames before the cut were used",
    "several_tracks": "the file holds several video tracks; only the one a player would choose was used",
    "shortened": "the video is longer than the limit; only its beginning was used",
    "timestamps_repaired": "presentation times were missing, repeated or jumped and were continued evenly",
}

# What went wrong around a file and not in it.
ENGINE: Final[dict[str, str]] = {
    "worker_died": "the process that held the file died twice, the second time while it held nothing else",
    "processing_failed": "the file was decoded, but its clips could not be cut, shown or embedded",
}

# What intake decided without decoding, or why it could not read a file or a member of an archive.
INTAKE: Final[dict[str, str]] = {
    "duplicate": "the same bytes were found before, in another place",
    "case_file": "the case file itself",
    "link": "a link; links are not followed",
    "special_file": "a pipe, socket or device; never opened",
    "changed_while_read": "the file changed while it was read",
    "changed_since_intake": "the file differs from what intake hashed; its results are compared with nothing",
    "no_identity": "the file lies in known/ but in nobody's folder",
    "archive_opened": "an archive; its members have rows of their own",
    "archive_unsupported": "an archive of a kind that is not read",
    "archive_damaged": "the archive cannot be read from some point on",
    "archive_encrypted": "not even the archive's list of members can be read without its password",
    "image_unsupported": "a disk image, and the extra that reads them is not installed",
    "image_segment": "a later part of a disk image; read together with its first part",
    "archive_bomb": "unpacking passed a limit on size, ratio or number of members",
    "archive_too_slow": "reading the archive took longer than the limit",
    "archive_too_deep": "too many archives inside one another",
    "package": "a document or program that is a zip inside and holds neither video nor archive; not opened",
    "member_absolute_path": "the archive gives the member an absolute path",
    "member_parent_path": "the archive gives the member a path that leads out of it",
    "member_without_name": "the archive gives the member no name",
    "member_name_too_long": "the archive gives the member a name longer than any file's; it is shown cut",
    "member_repeated": "an earlier member of the archive has the same name",
    "member_link": "the member is a link",
    "member_special": "the member is a device or other special file",
    "member_encrypted": "the member is encrypted",
    "member_unsupported": "the member is packed by a method that is not read",
    "member_damaged": "the member cannot be unpacked to its end",
    "member_cut": "the archive is damaged in this member; what could be unpacked before the damage was used",
}

REASONS: Final[dict[str, str]] = {**DECODE_FAILURES, **DECODE_CAVEATS, **ENGINE, **INTAKE}
