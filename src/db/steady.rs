//! Statements that stay prepared.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::LoadQuery;
use diesel::sql_types::BigInt;
use diesel::{QueryResult, RunQueryDsl};
use std::marker::PhantomData;

/// A statement whose text is the same every time, so that each connection prepares it once and
/// neither of us writes its text again; made by [`steady!`](crate::steady).
///
/// Diesel prepares every UPDATE and upsert anew, because it cannot know whether their columns
/// change from one time to the next. Where they do not, that costs SQLite more than running the
/// statement, and PostgreSQL one journey more. Never for texts that depend on data, such as lists
/// of values or a filter that may be absent: the first text would stand for all.
#[derive(Debug, Clone, Copy)]
pub struct Steady<Place, Q> {
    query: Q,
    place: PhantomData<fn() -> Place>,
}

impl<Place, Q> Steady<Place, Q> {
    /// The statement of a place in the source.
    pub const fn new(query: Q) -> Self {
        Self { query, place: PhantomData }
    }
}

/// A statement whose text is the same every time: see [`Steady`](crate::db::Steady).
#[macro_export]
macro_rules! steady {
    ($query:expr) => {{
        struct Here;
        $crate::db::Steady::<Here, _>::new($query)
    }};
}

impl<Place: 'static, Q> QueryId for Steady<Place, Q> {
    /// The statement is known again by its place.
    type QueryId = Steady<Place, ()>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Place, Q, DB> QueryFragment<DB> for Steady<Place, Q>
where
    DB: Backend,
    Q: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.query.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Place, Q: Query> Query for Steady<Place, Q> {
    type SqlType = Q::SqlType;
}

impl<Place, Q, Conn> RunQueryDsl<Conn> for Steady<Place, Q> {}

/// The same for a statement that answers nothing; made by [`steady_write!`](crate::steady_write).
///
/// Diesel hands a statement that is *executed* on by reference, and a reference does not know what
/// this type knows. One that is *loaded* it hands on as it is; so it is loaded, and gives no rows.
#[derive(Debug, Clone, Copy)]
pub struct SteadyWrite<Place, Q>(Steady<Place, Q>);

/// A statement whose text is the same every time and that answers nothing: see
/// [`SteadyWrite`](crate::db::SteadyWrite).
#[macro_export]
macro_rules! steady_write {
    ($query:expr) => {{
        struct Here;
        $crate::db::SteadyWrite::<Here, _>::new($query)
    }};
}

impl<Place, Q> SteadyWrite<Place, Q> {
    /// The statement of a place in the source.
    pub const fn new(query: Q) -> Self {
        Self(Steady::new(query))
    }

    /// Runs the statement.
    ///
    /// # Errors
    /// When the database fails.
    pub fn run<'query, Conn>(self, conn: &mut Conn) -> QueryResult<()>
    where
        Self: LoadQuery<'query, Conn, i64>,
    {
        self.load(conn).map(drop)
    }
}

impl<Place: 'static, Q> QueryId for SteadyWrite<Place, Q> {
    type QueryId = SteadyWrite<Place, ()>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Place, Q, DB> QueryFragment<DB> for SteadyWrite<Place, Q>
where
    DB: Backend,
    Q: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Place, Q> Query for SteadyWrite<Place, Q> {
    type SqlType = BigInt;
}

impl<Place, Q, Conn> RunQueryDsl<Conn> for SteadyWrite<Place, Q> {}

/// A statement of fixed words, such as the marks of a savepoint, prepared once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words(pub(super) &'static str);

impl QueryId for Words {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend> QueryFragment<DB> for Words {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

impl<Conn> RunQueryDsl<Conn> for Words {}
