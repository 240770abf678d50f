import json

from pipeline.nights.logs import read_logs


def test_the_logs_are_read_oldest_first_and_one_that_is_cut_short_is_left_out(tmp_path):
    texts = {"2026-01-03": '{"ending": "kept"}', "2026-01-01": '{"ending": "first"}', "2026-01-02": '{"ending'}
    for name, text in {**texts, "2026-01-04": "[]"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "night.json").write_text(text)
    (tmp_path / "2026-01-05").mkdir()
    assert list(read_logs(tmp_path)) == [json.loads(texts[name]) for name in ("2026-01-01", "2026-01-03")]
