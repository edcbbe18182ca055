//! What the service bears: run by `just score http`, with the program beside it. Prints a table, then
//! one JSON object. Everything runs on loopback against a simulated model.

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use loom_client::wire::{Approval, NewTaskRequest};
use loom_client::{Client, Endpoint, TOKEN_FILE};
use loom_events::{Seq, TaskId};
use loom_sim::{Options, Playbook, SimServer};
use loom_view::TaskStatus;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Turns of the task that everybody follows.
const TURNS: usize = 40;

/// How often it is run alone and followed, for the median.
const TURNS_OF_FOLLOWERS: usize = 5;

/// How long anything may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(300);

/// One measured promise.
struct Line {
    what: &'static str,
    measured: String,
    reach: &'static str,
    met: bool,
    is_figure: bool,
}

impl Line {
    /// What holds with any numbers, on any machine.
    fn works(what: &'static str, measured: String, reach: &'static str, met: bool) -> Self {
        Self {
            what,
            measured,
            reach,
            met,
            is_figure: false,
        }
    }

    /// What is promised of the whole numbers and a release build.
    fn figure(what: &'static str, measured: String, reach: &'static str, met: bool) -> Self {
        Self {
            is_figure: true,
            ..Self::works(what, measured, reach, met)
        }
    }
}

/// The simulated model, on threads of its own: what it computes is not to delay those who ask the
/// service, since that is what is measured.
struct Model {
    url: String,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Model {
    async fn start() -> Result<Self, Fault> {
        let playbook = playbook()?;
        let (tell, told) = tokio::sync::oneshot::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let serve = async {
                let server = SimServer::start(playbook, Options::default()).await?;
                // Nobody to tell, nobody to serve.
                if tell.send(server.url().to_owned()).is_ok() {
                    stopped.await.ok();
                }
                Ok::<_, Fault>(())
            };
            tokio::runtime::Runtime::new().map(|runtime| runtime.block_on(serve))
        });
        let url = told.await?;
        Ok(Self { url, _stop: stop })
    }
}

/// A real `loomd` in a directory of its own.
struct Daemon {
    /// None once it has ended.
    child: Option<Child>,
    home: PathBuf,
    url: String,
    token: String,
    began: Instant,
}

impl Daemon {
    #[expect(
        clippy::disallowed_methods,
        reason = "the program itself is measured, as a process of its own"
    )]
    async fn start(home: &Path, sim: &Model) -> Result<Self, Fault> {
        let program = std::env::current_exe()?;
        let program = program
            .ancestors()
            .nth(2)
            .ok_or("no target directory")?
            .join("loomd");
        let config = home.join("score.toml");
        std::fs::write(
            &config,
            format!(
                "[execution]\nmax_parallel_tasks = 200\n[execution.limits]\nturns_per_attempt = 100\niterations = 1000\n[models.sim]\nbase_url = \"{}\"\ncontext_length = 32768\nmax_concurrency = 64\n",
                sim.url
            ),
        )?;
        let data = home.join("data");
        let began = Instant::now();
        let mut child = Command::new(program)
            .args(["--port", "0", "--config"])
            .arg(&config)
            .arg("--data-dir")
            .arg(&data)
            .env("HOME", home)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let url = address(&mut child)?;
        let token = std::fs::read_to_string(data.join(TOKEN_FILE))?;
        Ok(Self {
            child: Some(child),
            home: home.to_owned(),
            url,
            token: token.trim().to_owned(),
            began,
        })
    }

    fn client(&self) -> Result<Client, Fault> {
        Ok(Client::new(&Endpoint {
            url: self.url.clone(),
            token: Some(self.token.clone()),
        })?)
    }

    fn task(&self, name: &str) -> Result<NewTaskRequest, Fault> {
        let dir = self.home.join("work").join(name);
        std::fs::create_dir_all(&dir)?;
        Ok(NewTaskRequest {
            goal: format!("write the files of {name}"),
            workspace: Some(dir.to_string_lossy().into_owned()),
            ..NewTaskRequest::default()
        })
    }

    async fn ready(&self) -> Result<Duration, Fault> {
        let client = self.client()?;
        until(|| async { client.ready().await.ok().filter(|ready| ready.ready) }).await?;
        Ok(self.began.elapsed())
    }

    fn memory_mib(&self) -> u64 {
        let id = self.child.as_ref().map_or(0, Child::id);
        let path = format!("/proc/{id}/status");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmRSS:"));
        let digits = line.and_then(|line| line.split_whitespace().nth(1));
        digits.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    async fn end(mut self) -> Result<Duration, Fault> {
        let began = Instant::now();
        let mut child = self.child.take().ok_or("it has ended")?;
        let pid = i32::try_from(child.id())?;
        let pid = rustix::process::Pid::from_raw(pid).ok_or("no process")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        tokio::task::spawn_blocking(move || child.wait()).await??;
        Ok(began.elapsed())
    }
}

/// Whatever breaks off, the program goes with it.
impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Where a service listens, as it says. The rest of what it says is read and forgotten.
fn address(child: &mut Child) -> Result<String, Fault> {
    let said = child.stderr.take().ok_or("it has no standard error")?;
    let mut lines = BufReader::new(said).lines();
    while let Some(line) = lines.next().transpose()? {
        if let Some((_, rest)) = line.split_once("listens at ") {
            let url = rest.split(';').next().unwrap_or(rest).to_owned();
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(url);
        }
    }
    Err("it ended before it listened".into())
}

/// Asks again and again until there is an answer.
async fn until<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> Result<T, Fault> {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    Ok(tokio::time::timeout(PATIENCE, asking).await?)
}

/// A model that writes a file a turn.
fn playbook() -> Result<Playbook, Fault> {
    let mut text = String::from(
        "name: many turns\nrules:\n- when: {role: planner}\n  reply:\n    json:\n      subtasks:\n      - {id: write, title: Write, description: Write the files., criteria: [\"The files are there.\"], checks: [{kind: file_exists, path: f0.txt}]}\n",
    );
    for turn in 0..TURNS {
        let last = if turn == 0 {
            String::new()
        } else {
            format!(", called: {{name: write_file, with: f{}.txt}}", turn - 1)
        };
        writeln!(
            text,
            "- when: {{role: executor, not_called: {{name: write_file, with: f{turn}.txt}}{last}}}\n  reply: {{calls: [{{name: write_file, arguments: {{path: f{turn}.txt, content: \"{turn}\\n\"}}}}]}}"
        )?;
    }
    text.push_str("- when: {role: executor}\n  reply: {text: \"The files are there.\"}\n- when: {role: verifier}\n  reply:\n    verdict:\n      criteria:\n      - {contains: The files are there, verdict: met, quote: '0', why: it is there}\n      - {contains: Everything that was asked, verdict: met, quote: '0', why: it is there}\n      - {contains: Nothing that should have stayed, verdict: met, quote: '0', why: only added}\n- when: {role: extractor}\n  reply: {json: {summary: wrote files, entries: []}}\n");
    Ok(Playbook::from_yaml(&text)?)
}

/// Runs a task with so many followers: how long the engine worked on it by its own journal, and how many
/// of them had every event.
async fn followed(
    daemon: &Daemon,
    name: &str,
    followers: usize,
) -> Result<(Duration, usize), Fault> {
    let client = daemon.client()?;
    let hold = NewTaskRequest {
        review_plan: Some(true),
        ..daemon.task(name)?
    };
    let task = client.submit(&hold, None).await?.task_id;
    let asked = until(|| async {
        let task = client.task(&task.to_string()).await.ok()?;
        (!task.view.questions.is_empty()).then_some(task.view.last_seq)
    })
    .await?;
    let readers = match followers {
        0 => None,
        many => Some(Readers::start(daemon, task, many)?),
    };
    if followers > 0 {
        // All of them are there before it goes on.
        let open = format!("loom_streams {followers}\n");
        until(|| async {
            metrics(daemon)
                .await
                .ok()
                .filter(|text| text.contains(&open))
        })
        .await?;
    }
    client.approve(task, &Default::default()).await?;
    let last = until(|| async {
        let task = client.task(&task.to_string()).await.ok()?;
        let view = task.view;
        view.status.is_final().then_some(view.last_seq)
    })
    .await?;
    let mut times = Vec::new();
    let mut after = asked;
    while after < last {
        let page = client.events(task, after).await?.events;
        after = page.last().ok_or("events are missing")?.envelope.seq;
        times.extend(page.iter().map(|record| record.envelope.timestamp));
    }
    let (Some(began), Some(ended)) = (times.first(), times.last()) else {
        return Err("the task did nothing".into());
    };
    let complete = match readers {
        None => 0,
        Some(readers) => readers.complete(last).await?,
    };
    Ok((ended.since(*began), complete))
}

/// Followers in a process of their own, which stand for programs on other machines: they get a processor
/// only when nobody else wants it.
struct Readers(Child);

impl Readers {
    #[expect(
        clippy::disallowed_methods,
        reason = "a process, so that what they compute is not the service's or the model's"
    )]
    fn start(daemon: &Daemon, task: TaskId, many: usize) -> Result<Self, Fault> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["follow", &daemon.url, &task.to_string(), &many.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut input = child.stdin.take().ok_or("it has no standard input")?;
        writeln!(input, "{}", daemon.token)?;
        Ok(Self(child))
    }

    /// How many had every event from the first to the last.
    async fn complete(mut self, last: Seq) -> Result<usize, Fault> {
        let out = self.0.stdout.take().ok_or("it has no standard output")?;
        let lines = tokio::task::spawn_blocking(move || {
            BufReader::new(out).lines().collect::<Result<Vec<_>, _>>()
        });
        let lines = tokio::time::timeout(PATIENCE, lines).await???;
        let whole = format!("whole to {}", last.0);
        Ok(lines.iter().filter(|line| **line == whole).count())
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// `score_http follow URL TASK MANY`: reads so many streams to their end and says of each what it was.
#[expect(clippy::print_stdout, reason = "whoever started it reads that")]
async fn follow(arguments: &[String]) -> Result<(), Fault> {
    let [url, task, many] = arguments else {
        return Err("usage: follow URL TASK MANY".into());
    };
    // Without that the figures are worse, not wrong.
    rustix::process::nice(19).ok();
    let mut token = String::new();
    std::io::stdin().read_line(&mut token)?;
    let token = token.trim().to_owned();
    let endpoint = Endpoint {
        url: url.clone(),
        token: None,
    };
    // It chooses what encrypts, for all clients of this process.
    Client::new(&endpoint)?;
    let (http, url) = (http()?, format!("{url}/tasks/{task}/stream?live=false"));
    let streams: Vec<_> = (0..many.parse()?)
        .map(|_| tokio::spawn(ids(http.clone(), url.clone(), token.clone())))
        .collect();
    for stream in streams {
        let ids = stream.await??;
        let last = ids.last().copied().unwrap_or(0);
        match ids.iter().copied().eq(1..=last) {
            true => println!("whole to {last}"),
            false => println!("gaps or duplicates up to {last}"),
        }
    }
    Ok(())
}

async fn metrics(daemon: &Daemon) -> Result<String, Fault> {
    let asked = http()?
        .get(format!("{}/metrics", daemon.url))
        .bearer_auth(&daemon.token);
    Ok(asked.send().await?.text().await?)
}

/// The ids in a stream, to its end.
async fn ids(http: reqwest::Client, url: String, token: String) -> Result<Vec<u64>, Fault> {
    let asked = http.get(url).bearer_auth(token);
    let mut bytes = asked.send().await?.bytes_stream();
    let (mut ids, mut rest) = (Vec::new(), String::new());
    while let Some(piece) = bytes.next().await {
        rest.push_str(&String::from_utf8_lossy(&piece?));
        while let Some(at) = rest.find('\n') {
            if let Some(id) = rest[..at].strip_prefix("id: ") {
                ids.push(id.parse()?);
            }
            rest.drain(..=at);
        }
    }
    Ok(ids)
}

fn http() -> Result<reqwest::Client, Fault> {
    Ok(reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()?)
}

/// Alone and followed in turns, so that whatever else this machine does meets both.
async fn followers(daemon: &Daemon, many: usize) -> Result<Vec<Line>, Fault> {
    let (mut alone, mut watched, mut least) = (Vec::new(), Vec::new(), many);
    for turn in 0..TURNS_OF_FOLLOWERS {
        alone.push(followed(daemon, &format!("alone-{turn}"), 0).await?.0);
        let (took, complete) = followed(daemon, &format!("watched-{turn}"), many).await?;
        watched.push(took);
        least = least.min(complete);
    }
    let [alone, watched] = [alone, watched].map(|mut all| {
        all.sort();
        all[all.len() / 2].as_secs_f64()
    });
    let ratio = watched / alone;
    Ok(vec![
        Line::works(
            "1,000 followers of one task with every event once",
            format!("{least} of {many}"),
            "all",
            least == many,
        ),
        Line::figure(
            "the engine's time for a task with them, against alone",
            format!(
                "{:.0} ms, {:.0} ms, {ratio:.2} ×",
                watched * 1e3,
                alone * 1e3
            ),
            "< 1.2 ×",
            ratio < 1.2,
        ),
    ])
}

async fn many_tasks(daemon: &Daemon, many: usize) -> Result<Vec<Line>, Fault> {
    let client = daemon.client()?;
    let submit = async |n: usize| -> Result<(Duration, TaskId), Fault> {
        let task = daemon.task(&format!("many-{n}"))?;
        let began = Instant::now();
        let id = client.submit(&task, None).await?.task_id;
        Ok((began.elapsed(), id))
    };
    // One after the other, as fast as they are taken, while those before them run.
    let mut begun = Vec::new();
    for n in 0..many {
        begun.push(submit(n).await?);
    }
    let most = std::cell::Cell::new(0);
    let ids: Vec<TaskId> = begun.iter().map(|(_, id)| *id).collect();
    until(|| async {
        most.set(most.get().max(daemon.memory_mib()));
        tokio::time::sleep(Duration::from_millis(20)).await;
        let query = loom_client::TaskQuery {
            limit: Some(500),
            ..Default::default()
        };
        let page = client.tasks(&query).await.ok()?;
        let open = page
            .tasks
            .iter()
            .filter(|t| ids.contains(&t.task_id) && !t.status.is_final());
        (open.count() == 0).then_some(())
    })
    .await?;
    let most = most.get();
    let mut completed = 0;
    for id in &ids {
        let task = client.task(&id.to_string()).await?;
        completed += usize::from(task.view.status == TaskStatus::Completed);
    }
    let mut times: Vec<Duration> = begun.iter().map(|(time, _)| *time).collect();
    times.sort_unstable();
    let p99 = times[(times.len() * 99).div_ceil(100) - 1];
    Ok(vec![
        Line::works(
            "of 100 tasks at once completed",
            format!("{completed} of {many}"),
            "all",
            completed == many,
        ),
        Line::figure(
            "POST /tasks, p99 of 100 while they run",
            format!("{:.1} ms", p99.as_secs_f64() * 1e3),
            "< 50 ms",
            p99 < Duration::from_millis(50),
        ),
        Line::figure(
            "memory of loomd, the most while 100 tasks run at once",
            format!("{most} MiB"),
            "< 150 MiB",
            most < 150,
        ),
    ])
}

async fn bad_tokens(daemon: &Daemon, each: usize) -> Result<Line, Fault> {
    let began = Instant::now();
    let flood = join_all((0..16).map(|part| async move {
        let client = http()?;
        for n in 0..each {
            let asked = client.get(format!("{}/tasks", daemon.url));
            let status = asked
                .bearer_auth(format!("loom_{part}_{n}"))
                .send()
                .await?
                .status();
            if status != reqwest::StatusCode::UNAUTHORIZED {
                return Err(Fault::from(format!(
                    "a bad token was answered with {status}"
                )));
            }
        }
        Ok(())
    }));
    let client = daemon.client()?;
    let good = async {
        let mut worst = Duration::ZERO;
        for _ in 0..50 {
            let asked = Instant::now();
            client.tasks(&Default::default()).await?;
            worst = worst.max(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok::<_, Fault>(worst)
    };
    let (flood, worst) = tokio::join!(flood, good);
    flood.into_iter().collect::<Result<Vec<()>, Fault>>()?;
    let (took, worst) = (began.elapsed(), worst?);
    Ok(Line::figure(
        "10,000 bad tokens; the slowest answer to a good one meanwhile",
        format!(
            "{:.1} s, {:.0} ms",
            took.as_secs_f64(),
            worst.as_secs_f64() * 1e3
        ),
        "< 10 s, < 250 ms",
        took < Duration::from_secs(10) && worst < Duration::from_millis(250),
    ))
}

async fn restart(daemon: Daemon, sim: &Model, size: Size) -> Result<(Daemon, Vec<Line>), Fault> {
    let client = daemon.client()?;
    // Ended by being cancelled: their journals are short, and it is their number that counts.
    for n in 0..size.ended {
        let task = NewTaskRequest {
            goal: format!("goal {n}"),
            review_plan: Some(true),
            ..NewTaskRequest::default()
        };
        let id = client.submit(&task, None).await?.task_id;
        client.cancel(id, &Default::default()).await?;
    }
    let mut running = Vec::new();
    for n in 0..size.unfinished {
        let task = NewTaskRequest {
            approval_mode: Some(Approval::Manual),
            ..daemon.task(&format!("kept-{n}"))?
        };
        running.push(client.submit(&task, None).await?.task_id);
    }
    let home = daemon.home.clone();
    let ended = daemon.end().await?;
    let daemon = Daemon::start(&home, sim).await?;
    let ready = daemon.ready().await?;
    let client = daemon.client()?;
    let mut resumed = 0;
    for task in &running {
        resumed += usize::from(client.task(&task.to_string()).await?.running);
    }
    let lines = vec![
        Line::figure(
            "from SIGTERM to the end, 50 tasks running",
            format!("{:.1} s", ended.as_secs_f64()),
            "≤ 10 s",
            ended <= Duration::from_secs(10),
        ),
        Line::figure(
            "from start to ready with 1,000 ended and 50 unfinished tasks",
            format!("{:.2} s", ready.as_secs_f64()),
            "< 1 s",
            ready < Duration::from_secs(1),
        ),
        Line::works(
            "of 50 unfinished tasks taken up",
            format!("{resumed} of {}", size.unfinished),
            "all",
            resumed == size.unfinished,
        ),
    ];
    Ok((daemon, lines))
}

/// How much of everything.
#[derive(Clone, Copy)]
struct Size {
    followers: usize,
    tasks: usize,
    /// Bad tokens that each of sixteen senders sends.
    tokens: usize,
    ended: usize,
    unfinished: usize,
}

/// What is promised.
const WHOLE: Size = Size {
    followers: 1_000,
    tasks: 100,
    tokens: 625,
    ended: 1_000,
    unfinished: 50,
};

/// Whether everything works, in seconds; its figures say nothing.
const SMALL: Size = Size {
    followers: 50,
    tasks: 10,
    tokens: 20,
    ended: 20,
    unfinished: 5,
};

const PARTS: [&str; 5] = ["idle", "tasks", "followers", "tokens", "restart"];

/// Every follower is a connection, and the usual limit is meant for a shell's programs.
fn raise_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit
        .maximum
        .map_or(Some(8_192), |most| Some(most.min(8_192)));
    // Then a part that needs more says so by failing.
    setrlimit(Resource::Nofile, limit).ok();
}

/// Serves, with a task that has ended, until nobody holds its standard input any more, for tools that look at the API from outside.
#[expect(clippy::print_stdout, reason = "where it is served is asked for")]
async fn serve() -> Result<(), Fault> {
    let home = tempfile::tempdir()?;
    let sim = Model::start().await?;
    let daemon = Daemon::start(home.path(), &sim).await?;
    daemon.ready().await?;
    let client = daemon.client()?;
    let task = client.submit(&daemon.task("ended")?, None).await?.task_id;
    until(|| async {
        let task = client.task(&task.to_string()).await.ok()?;
        task.view.status.is_final().then_some(())
    })
    .await?;
    println!("{} {} {task}", daemon.url, daemon.token);
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()))
        .await??;
    daemon.end().await?;
    Ok(())
}

/// `score_http [small] [PART…]`: without parts, all of them. `score_http serve` for other tools.
#[expect(clippy::print_stdout, reason = "the table is what it is run for")]
#[tokio::main]
async fn main() -> Result<(), Fault> {
    raise_descriptors();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, [])) if first == "serve" => return serve().await,
        Some((first, rest)) if first == "follow" => return follow(rest).await,
        _ => {}
    }
    let (mut size, mut parts) = (WHOLE, Vec::new());
    for argument in &arguments {
        match (
            argument.as_str(),
            PARTS.iter().find(|part| *part == argument),
        ) {
            ("small", _) => size = SMALL,
            (_, Some(part)) => parts.push(*part),
            _ => return Err(format!("{argument} is none of: small {}", PARTS.join(" ")).into()),
        }
    }
    let wanted = |part: &str| parts.is_empty() || parts.contains(&part);
    let home = tempfile::tempdir()?;
    let sim = Model::start().await?;
    let daemon = Daemon::start(home.path(), &sim).await?;
    daemon.ready().await?;
    let mut lines = Vec::new();
    if wanted("idle") {
        let idle = daemon.memory_mib();
        lines.push(Line::figure(
            "memory of loomd, idle",
            format!("{idle} MiB"),
            "< 25 MiB",
            idle < 25,
        ));
    }
    if wanted("tasks") {
        lines.extend(many_tasks(&daemon, size.tasks).await?);
    }
    if wanted("followers") {
        lines.extend(followers(&daemon, size.followers).await?);
    }
    if wanted("tokens") {
        lines.push(bad_tokens(&daemon, size.tokens).await?);
    }
    let daemon = match wanted("restart") {
        false => daemon,
        true => {
            let (daemon, more) = restart(daemon, &sim, size).await?;
            lines.extend(more);
            daemon
        }
    };
    daemon.end().await?;
    let small = size.followers < WHOLE.followers;
    let met = lines
        .iter()
        .all(|line| line.met || (small && line.is_figure));
    for line in &lines {
        let mark = match (line.met, small && line.is_figure) {
            (_, true) => "-- ",
            (true, false) => "ok ",
            (false, false) => "NO ",
        };
        println!(
            "{mark} {:<72} {:>24}   ({})",
            line.what, line.measured, line.reach
        );
    }
    let measures: Vec<_> = lines
        .iter()
        .map(|line| serde_json::json!({"what": line.what, "measured": line.measured, "reach": line.reach, "met": line.met}))
        .collect();
    println!(
        "{}",
        serde_json::json!({"name": "http", "small": small, "passed": met, "measures": measures})
    );
    match met {
        true => Ok(()),
        false => Err("not everything was reached".into()),
    }
}
