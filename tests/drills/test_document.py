from include.drills.document import replace_section, rows_of, table

PAGE = "# Faults\n\nWhat it is.\n\n## On `local`\n\nold\n\n## The soak\n\nkept\n"


def test_a_section_is_replaced_and_the_others_stay(tmp_path):
    page = tmp_path / "faults.md"
    page.write_text(PAGE)
    replace_section(page, "On `local`", "new")
    assert page.read_text() == PAGE.replace("old", "new")


def test_a_new_section_comes_last(tmp_path):
    page = tmp_path / "faults.md"
    page.write_text(PAGE)
    replace_section(page, "On `simulated`", "first")
    assert page.read_text() == f"{PAGE}\n## On `simulated`\n\nfirst\n"


def test_rows_of_a_section_are_read_again_and_a_table_of_another_form_is_not(tmp_path):
    page, head, rows = tmp_path / "faults.md", "| case | valid |", ["| a | 2 |", "| b | 1 |"]
    page.write_text(PAGE)
    replace_section(page, "On `local`", f"Measured.\n\n{table(head, rows)}\n\nNot played: c.")
    assert rows_of(page, "On `local`", head) == rows
    assert rows_of(page, "On `local`", "| case | valid | colour |") == []
    assert rows_of(page, "The soak", head) == []
    assert rows_of(page, "Nowhere", head) == []
