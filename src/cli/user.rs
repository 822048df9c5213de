//! `changbei user`: users and their tokens, straight on the database.
//!
//! Whoever may read the database may do this; it is how the first administrator comes to be. Every
//! change goes through the commands of the API and leaves its audit entry.

use crate::access::records::{User, list_users, stores_of};
use crate::access::token::Token;
use crate::access::{Actor, Permission, Role, Scope};
use crate::app::App;
use crate::cli::configuration::Configuration;
use crate::cli::outcome::{CliError, Outcome};
use crate::cli::terminal::Terminal;
use crate::command::{self, Call, asking};
use crate::db::DbError;
use crate::kernel::id::UserId;
use crate::kernel::language::Bilingual;
use crate::kernel::page::PageSize;
use crate::kernel::{RegionCode, StoreCode};
use crate::users::commands;
use crate::users::requests::{TokenRequest, UserPatch, UserRequest};
use std::sync::Arc;

/// Manages users and their tokens 管理用户与令牌
///
/// Works directly on the database, beside a running service too. A token is printed once, on
/// standard output; the database keeps only its hash.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  changbei user add keeper.depot --role keeper --display-name \
                        李库管 --store QN-DEPOT\n  changbei user token keeper.depot --label scanner")]
pub struct UserArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Creates a user and prints a first token 新建用户
    #[command(after_help = "Example:\n  changbei user add cmd.zhong --role commander \
                            --display-name 钟指挥 --region 360729")]
    Add(AddArgs),
    /// Lists the users: name, role, stores or region, whether active 列出用户
    #[command(after_help = "Example:\n  changbei user list")]
    List,
    /// Makes another token for a user and prints it 新建令牌
    #[command(after_help = "Example:\n  changbei user token keeper.depot --label scanner \
                            --valid-days 90")]
    Token(TokenArgs),
    /// Takes every right from a user, whose tokens stop working at once 停用用户
    #[command(after_help = "Example:\n  changbei user disable keeper.depot")]
    Disable {
        /// The user's name.
        name: String,
    },
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// Unique name: lower-case letters, digits, `.`, `_` and `-`.
    name: String,
    /// keeper, procurement, commander, auditor or admin
    #[arg(long, value_parser = parse_role)]
    role: Role,
    /// The name that people know [default: the unique name]
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// An own store of a keeper or procurement officer; may be repeated
    #[arg(long = "store", value_name = "CODE")]
    stores: Vec<String>,
    /// The region of a commander
    #[arg(long, value_name = "CODE")]
    region: Option<String>,
    /// Base units per line that the user may move on a spoken authority
    #[arg(long, value_name = "N")]
    emergency_release_limit: Option<i64>,
    /// What the first token is called
    #[arg(long, default_value = "command line", value_name = "TEXT")]
    label: String,
}

#[derive(Debug, clap::Args)]
struct TokenArgs {
    /// The user's name.
    name: String,
    /// What its owner calls it
    #[arg(long, default_value = "command line", value_name = "TEXT")]
    label: String,
    /// Days until it stops working; without it, until it is revoked
    #[arg(long, value_name = "N")]
    valid_days: Option<i64>,
}

fn parse_role(word: &str) -> Result<Role, String> {
    Role::from_word(word).ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

/// Runs the command.
///
/// # Errors
/// When the service refuses, or the database cannot be used.
pub fn run(
    args: &UserArgs,
    configuration: &Configuration,
    terminal: &Terminal,
) -> Result<Outcome, CliError> {
    let app = configuration.open()?;
    match &args.action {
        Action::Add(args) => add(&app, args, terminal),
        Action::List => list(&app, terminal),
        Action::Token(args) => token(&app, args, terminal),
        Action::Disable { name } => disable(&app, name, terminal),
    }
}

/// The operator at the keyboard, who has the rights of an administrator.
fn call(asked: serde_json::Value) -> Call {
    let operator = Actor {
        user_id: UserId::generate(),
        name: "command-line".to_owned(),
        role: Role::Admin,
        scope: Scope::All,
        region: None,
        emergency_release_limit: None,
    };
    Call {
        asked: asking(&asked),
        ..Call::internal(operator, Permission::ManageUsers, "command-line")
    }
}

fn new_token() -> Result<Arc<Token>, CliError> {
    Token::generate().map(Arc::new).map_err(|error| {
        CliError::Unable(Bilingual::new(format!("无法生成令牌：{error}"), error.to_string()))
    })
}

fn add(app: &App, args: &AddArgs, terminal: &Terminal) -> Result<Outcome, CliError> {
    let request = UserRequest {
        name: args.name.clone(),
        display_name: args.display_name.clone().unwrap_or_else(|| args.name.clone()),
        role: args.role.as_str().to_owned(),
        stores: args.stores.clone(),
        region_code: args.region.clone(),
        emergency_release_limit: args.emergency_release_limit,
    };
    let first = TokenRequest { label: args.label.clone(), valid_days: None };
    let secret = new_token()?;
    let shown = secret.clone();
    let asked = serde_json::to_value(&request).unwrap_or_default();
    command::run(app, call(asked), move |tx| {
        commands::create_user(tx, &request)?;
        commands::create_token(tx, &request.name, &first, &secret)
    })?;
    show(&args.name, &shown, terminal);
    Ok(Outcome::Done)
}

fn token(app: &App, args: &TokenArgs, terminal: &Terminal) -> Result<Outcome, CliError> {
    let request = TokenRequest { label: args.label.clone(), valid_days: args.valid_days };
    let secret = new_token()?;
    let (name, shown) = (args.name.clone(), secret.clone());
    let asked = serde_json::json!({ "name": name, "label": args.label });
    command::run(app, call(asked), move |tx| commands::create_token(tx, &name, &request, &secret))?;
    show(&args.name, &shown, terminal);
    Ok(Outcome::Done)
}

fn show(name: &str, token: &Token, terminal: &Terminal) {
    terminal.say(&Bilingual::new(
        format!("用户 {name} 的令牌如下，仅显示这一次："),
        format!("The token of {name}, shown this once:"),
    ));
    terminal.line(token.reveal());
}

fn disable(app: &App, name: &str, terminal: &Terminal) -> Result<Outcome, CliError> {
    let patch = UserPatch { active: Some(false), ..UserPatch::default() };
    let user = name.to_owned();
    let asked = serde_json::json!({ "name": name, "active": false });
    command::run(app, call(asked), move |tx| commands::change_user(tx, &user, &patch))?;
    terminal.say(&Bilingual::new(
        format!("用户 {name} 已停用，其令牌立即失效"),
        format!("The user {name} is disabled; their tokens no longer work"),
    ));
    Ok(Outcome::Done)
}

fn list(app: &App, terminal: &Terminal) -> Result<Outcome, CliError> {
    let size = PageSize::DEFAULT;
    let mut after = None;
    loop {
        let page: Vec<(User, Vec<StoreCode>)> = app.read(|conn| {
            let users = list_users(conn, None, after.clone(), size)?;
            let with_stores = users.into_iter().map(|user| {
                let stores = stores_of(conn, &user.id)?;
                Ok::<_, DbError>((user, stores))
            });
            with_stores.collect::<Result<_, DbError>>()
        })?;
        let Some((last, _)) = page.last() else { return Ok(Outcome::Done) };
        after = Some(last.name.clone());
        for (user, stores) in &page {
            terminal.line(row(user, stores));
        }
    }
}

/// One user on one line, with tabs between name, role, scope, activity and known name.
fn row(user: &User, stores: &[StoreCode]) -> String {
    let scope = match user.role {
        Role::Auditor | Role::Admin => "*".to_owned(),
        Role::Commander => user.region_code.as_ref().map_or("-", RegionCode::as_str).to_owned(),
        Role::Keeper | Role::Procurement => {
            stores.iter().map(StoreCode::as_str).collect::<Vec<_>>().join(",")
        }
    };
    let active = if user.active { "active" } else { "disabled" };
    format!("{}\t{}\t{scope}\t{active}\t{}", user.name, user.role, user.display_name)
}
