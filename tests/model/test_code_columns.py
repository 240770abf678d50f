from pipeline.model.code_columns import CodeColumns
from tests.support.recipes import ENCODER, SIZES, WORDS


def test_each_column_has_its_own_part_of_the_table_and_all_words_one():
    columns = CodeColumns.of(("work_year", "job_title", "company_size", "company_location"), ENCODER)
    assert columns.names == ("job_title", "company_location", "work_year", "company_size", *WORDS)
    sizes = [SIZES[name] for name in columns.names[:4]]
    assert columns.starts == (0, sizes[0], sum(sizes[:2]), sum(sizes[:3]), *[sum(sizes)] * len(WORDS))
    assert columns.rows == sum(sizes) + SIZES[WORDS[0]]
    assert columns.largest == (SIZES["work_year"] - 2, SIZES["company_size"] - 2)
    assert columns.inputs(5) == 5 * 3 + 2


def test_without_the_text_there_are_no_words():
    columns = CodeColumns.of(("work_year", "company_location"), ENCODER)
    assert (columns.words, columns.rows) == ((), SIZES["work_year"] + SIZES["company_location"])
    assert columns.inputs(5) == 5 + 1
