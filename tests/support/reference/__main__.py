"""Write every page: `make docs`."""

from tests.support.reference import FOLDER, PAGES


def main() -> None:
    """Write every page into `docs/reference`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, write in PAGES.items():
        (FOLDER / name).write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    main()
