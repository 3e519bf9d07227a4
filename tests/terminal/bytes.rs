//! What the real program sends to a terminal while it trains.

use super::*;

/// The program on a terminal of `columns` × `rows`, and the bytes that it sends in each second of a training at its pace.
fn sent(columns: u16, rows: u16, over_ssh: bool) -> Vec<usize> {
    let folder = folder();
    let mut command = CommandBuilder::new(
        std::env::var("UNROLLED_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_unrolled").to_owned()),
    );
    command.args(["train", "word-order"]);
    command.cwd(folder.path());
    command.env("XDG_CONFIG_HOME", folder.path());
    if over_ssh {
        command.env("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.2 22");
        command.env_remove("COLORTERM");
    } else {
        command.env_remove("SSH_CONNECTION");
        command.env("COLORTERM", "truecolor");
    }
    let mut session = Session::open(command);
    session.resize(rows, columns);
    let begin = Instant::now();
    let mut seconds = vec![0; 13];
    while let Some(second) = seconds.get_mut(begin.elapsed().as_secs() as usize) {
        if let Ok(bytes) = session.output.recv_timeout(Duration::from_millis(100)) {
            *second += bytes.len();
        }
    }
    session.child.kill().unwrap();
    seconds
}

/// `cargo test --release --test terminal -- --ignored bytes --nocapture`
#[test]
#[ignore = "measures for a minute, by the clock"]
#[allow(clippy::print_stdout, reason = "it reports a measurement")]
fn bytes_of_a_training_at_its_pace() {
    let cases = [(120, 40, true, 15), (120, 40, false, 30), (200, 60, true, 15), (200, 60, false, 40)];
    let mut over = Vec::new();
    for (columns, rows, over_ssh, most) in cases {
        let seconds = sent(columns, rows, over_ssh);
        // The first has the whole screen.
        let trained = &seconds[1..];
        let mean = trained.iter().sum::<usize>() as f64 / trained.len() as f64 / 1024.0;
        let peak = trained.iter().max().copied().unwrap_or(0) as f64 / 1024.0;
        let place = if over_ssh { "over SSH" } else { "local" };
        let line = format!("{columns}x{rows} {place}: {mean:.1} KiB/s, at most {peak:.1}, of {most}");
        println!("{line}");
        if mean > f64::from(most) {
            over.push(line);
        }
    }
    assert!(over.is_empty(), "{over:?}");
}
