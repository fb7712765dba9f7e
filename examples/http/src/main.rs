//! Two applications in one process: `snippets [FOLDER [PORT PORT]]`.
//!
//! They are called blue and green, keep their databases in the folder, and end on Ctrl-C or SIGTERM.

use std::process::ExitCode;

#[cfg(unix)]
fn main() -> ExitCode {
    let program = selvedge::program::Builder::new("snippets");
    // Standard output has the log; who was asked to stop, and when it ended, is for the operator.
    let program = program.on_report(|report| eprintln!("{report}"));
    program.run(|_stop| unix::serve(std::env::args().skip(1)))
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    eprintln!("snippets: waiting for a connection or a stop needs unix");
    ExitCode::FAILURE
}

#[cfg(unix)]
mod unix {
    use std::path::Path;

    use selvedge::{Outcome, thread};
    use snippets::config::Config;
    use snippets::log::Log;
    use snippets::server::Server;

    /// Runs both until the program is asked to stop, or one of them fails.
    pub(crate) fn serve(mut arguments: impl Iterator<Item = String>) -> Outcome<()> {
        let folder = arguments.next().unwrap_or_else(|| ".".to_owned());
        let mut servers = Vec::new();
        for (config, port) in configs(Path::new(&folder)).into_iter().zip([8001, 8002]) {
            let port = arguments.next().map_or(Ok(port), |port| port.parse())?;
            let name = config.name.clone();
            let server = Server::bind(("127.0.0.1", port), config)?.log(Log::to_stdout());
            println!("{name} listens on http://{}/", server.address());
            servers.push((name, server));
        }
        thread::scope("applications", |s| {
            for (name, server) in servers {
                s.spawn(&name, |_stop| server.serve());
            }
            Ok(())
        })?;
        Ok(())
    }

    fn configs(folder: &Path) -> [Config; 2] {
        let mut blue = Config::new("blue", folder.join("blue.db"));
        blue.users.insert("sesame".to_owned(), "ada".to_owned());
        let mut green = Config::new("green", folder.join("green.db"));
        green.users.insert("abacus".to_owned(), "bob".to_owned());
        green.page = 3;
        [blue, green]
    }
}
