//! The pictures of the README: a demo run on the real service, as a real terminal showed it. Asked for
//! by name (`just pictures`), since their only result is files.

use crate::real::{World, agree, begin, program};
use crate::tmux::{Tmux, available};
use anstyle_svg::Term;
use std::path::PathBuf;

/// Where they are kept.
const DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/images");

/// Questions that the demo can ask at most.
const MAX_QUESTIONS: usize = 12;

fn take(tmux: &Tmux, name: &str) {
    let painted = tmux.painted();
    let svg = Term::new().render_svg(painted.trim_end_matches('\n'));
    std::fs::write(PathBuf::from(DIR).join(name), svg).unwrap();
}

#[test]
#[ignore = "writes the pictures of the README"]
fn the_pictures_of_the_readme_are_taken_from_a_demo() {
    let program = program().expect("loomd is built beside this test");
    assert!(available("the pictures"), "they are taken from a tmux");
    std::fs::create_dir_all(DIR).unwrap();
    let world = World::new(program);
    let tmux = world.show(120, 36);
    tmux.see("n begins one");
    begin(&tmux);
    let task = world.newest();
    let (plan, question) = world.question(task, None).unwrap();
    agree(&tmux, &question);
    let mut last = Some(plan);
    for asked in 0.. {
        assert!(asked < MAX_QUESTIONS, "it asks without end");
        let Some((id, question)) = world.question(task, last) else {
            break;
        };
        if asked == 0 {
            tmux.see("a question waits");
            tmux.press(&["a"]);
            tmux.see("y yes");
            take(&tmux, "tui-question.svg");
            tmux.press(&["Escape"]);
            tmux.miss("y yes");
            take(&tmux, "tui-task.svg");
        }
        agree(&tmux, &question);
        last = Some(id);
    }
    tmux.see("✓ the whole goal is verified");
    take(&tmux, "tui-done.svg");
    tmux.press(&["d"]);
    tmux.see("expenses.sh");
    tmux.see("@@");
    take(&tmux, "tui-diff.svg");
    tmux.press(&["Escape"]);
    tmux.miss("@@");
    tmux.press(&["Escape"]);
    tmux.miss("log ─");
    take(&tmux, "tui-tasks.svg");
    tmux.press(&["q"]);
}
