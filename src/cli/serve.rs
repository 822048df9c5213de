//! `changbei serve`: the API on a port.

use crate::app::App;
use crate::cli::config_file::ConfigFile;
use crate::cli::configuration::{Configuration, require_current, seconds};
use crate::cli::outcome::{CliError, Outcome};
use crate::cli::terminal::Terminal;
use crate::kernel::language::Bilingual;
use crate::server::{self, ServerOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Serves the API 启动服务
///
/// Runs outstanding migrations, prints the address once it can be reached, and serves until SIGTERM
/// or SIGINT; then it takes no new request, finishes those it has begun, and ends with 0.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  changbei serve --data-dir /var/lib/changbei --listen \
                        127.0.0.1:8080\n\nDocumentation for people stands at /docs, for programs \
                        at /openapi.json.")]
pub struct ServeArgs {
    /// Where to listen.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// Refuse to start when the schema is not current, instead of migrating
    #[arg(long)]
    pub no_migrate: bool,
}

/// Where a service listens.
#[derive(Debug, Clone, clap::Args)]
pub struct ListenArgs {
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "CHANGBEI_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Listen even where other machines reach it
    ///
    /// The binary speaks no TLS, so tokens would cross the network in the clear: put a reverse
    /// proxy with TLS in front, and let only that one reach the port.
    #[arg(long, env = "CHANGBEI_ALLOW_REMOTE", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_name = "BOOL")]
    pub allow_remote: Option<bool>,
    /// Threads that talk to clients; 0 means one for each processor [default: 0]
    #[arg(long, env = "CHANGBEI_WORKERS", value_name = "N")]
    pub workers: Option<usize>,
}

impl ListenArgs {
    /// Takes the port.
    ///
    /// # Errors
    /// When other machines could reach it and nobody allowed that, or when it is taken.
    pub fn bind(&self, file: &ConfigFile) -> Result<TcpListener, CliError> {
        let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        let address = self.listen.or(file.listen).unwrap_or(usual);
        let allowed = self.allow_remote.or(file.allow_remote).unwrap_or(false);
        if !address.ip().is_loopback() && !allowed {
            return Err(CliError::Unable(Bilingual::new(
                format!(
                    "拒绝监听 {address}：本程序不含 TLS，令牌会以明文经过网络。请在前面放置带 TLS \
                     的反向代理；确需如此请加 --allow-remote"
                ),
                format!(
                    "Refusing to listen on {address}: the binary speaks no TLS, so tokens would \
                     cross the network in the clear. Put a reverse proxy with TLS in front, and \
                     say --allow-remote if you mean it"
                ),
            )));
        }
        TcpListener::bind(address).map_err(|error| {
            CliError::Unable(Bilingual::new(
                format!("无法监听 {address}：{error}"),
                format!("Cannot listen on {address}: {error}"),
            ))
        })
    }

    /// How the server treats its clients.
    pub fn server_options(&self, file: &ConfigFile) -> ServerOptions {
        let usual = ServerOptions::default();
        ServerOptions {
            workers: self.workers.or(file.workers).unwrap_or(usual.workers),
            request_timeout: seconds(file.request_timeout_seconds, usual.request_timeout),
            shutdown_timeout: seconds(file.shutdown_timeout_seconds, usual.shutdown_timeout),
        }
    }
}

/// Runs the command; it ends when the service has been told to stop and has finished.
///
/// # Errors
/// When the port or the database cannot be used.
pub fn run(
    args: &ServeArgs,
    configuration: Configuration,
    terminal: &Terminal,
) -> Result<Outcome, CliError> {
    let listener = args.listen.bind(&configuration.file)?;
    let configuration = configuration.with_webhook_key()?.with_webhook_roots()?;
    let app = configuration.open_or_create()?;
    if args.no_migrate {
        require_current(&app)?;
    } else {
        app.db.migrate()?;
    }
    let options = args.listen.server_options(&configuration.file);
    let address = address_of(&listener)?;
    terminal.line(format!("http://{address}"));
    serve(app, listener, &options, terminal)
}

/// The address that was taken.
///
/// # Errors
/// When the system does not know it.
pub fn address_of(listener: &TcpListener) -> Result<SocketAddr, CliError> {
    listener.local_addr().map_err(|error| server_failed(&error))
}

/// Serves until it is told to stop.
///
/// # Errors
/// When the server cannot run.
pub fn serve(
    app: App,
    listener: TcpListener,
    options: &ServerOptions,
    terminal: &Terminal,
) -> Result<Outcome, CliError> {
    server::run(app, listener, options).map_err(|error| server_failed(&error))?;
    terminal.say(&Bilingual::new(
        "服务已正常停止",
        "The service has stopped; nothing is left half done",
    ));
    Ok(Outcome::Done)
}

fn server_failed(error: &std::io::Error) -> CliError {
    CliError::Unable(Bilingual::new(
        format!("服务无法运行：{error}"),
        format!("The server cannot run: {error}"),
    ))
}
