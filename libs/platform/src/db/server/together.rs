//! Several statements in one trip.
//!
//! PostgreSQL takes statements that write as parts of one (`WITH p0 AS (INSERT …), p1 AS (UPDATE …) SELECT …`). They see the
//! tables as they were before all of them, run when something is asked of them, and foreign keys are looked at after the last.

use sea_orm::{DbBackend, Statement, Values};

use crate::db::tx::Deferred;

/// The most values of one statement; the protocol has room for 65,535.
const VALUES: usize = 16_384;
/// The most parts of one statement: each combination of parts is prepared on its own.
const PARTS: usize = 8;

/// The same statements, those together that can go in one trip. Nobody hears what one of them alone has done; one that has to
/// change rows, and does not, fails.
pub fn together(backend: DbBackend, statements: Vec<Deferred>) -> Vec<Statement> {
    if backend != DbBackend::Postgres {
        return statements.into_iter().map(|deferred| deferred.statement).collect();
    }
    let mut all = Vec::new();
    let mut group = Group::default();
    for deferred in statements {
        if !group.has_room_for(&deferred.statement) {
            all.extend(std::mem::take(&mut group).whole());
        }
        group.add(deferred);
    }
    all.extend(group.whole());
    all
}

#[derive(Default)]
struct Group {
    parts: Vec<Deferred>,
    values: usize,
}

impl Group {
    fn has_room_for(&self, statement: &Statement) -> bool {
        // They would not see each other's rows.
        let apart = |part: &Deferred| match (table(&part.statement.sql), table(&statement.sql)) {
            (Some(one), Some(other)) => one != other,
            _ => false,
        };
        self.parts.len() < PARTS && self.values + count(statement) <= VALUES && self.parts.iter().all(apart)
    }

    fn add(&mut self, deferred: Deferred) {
        self.values += count(&deferred.statement);
        self.parts.push(deferred);
    }

    fn whole(mut self) -> Option<Statement> {
        if self.parts.len() < 2 && self.parts.iter().all(|part| part.changes == 0) {
            return self.parts.pop().map(|part| part.statement);
        }
        let (mut sql, mut asked) = (String::from("WITH "), String::from(" SELECT "));
        let mut values = Vec::with_capacity(self.values);
        for (number, Deferred { statement, changes }) in self.parts.into_iter().enumerate() {
            if number > 0 {
                sql.push_str(", ");
                asked.push_str(", ");
            }
            let name = format!("p{number}");
            sql.push_str(&name);
            sql.push_str(" AS (");
            renumber(&statement.sql, values.len(), &mut sql);
            sql.push_str(" RETURNING 1)");
            values.extend(statement.values.into_iter().flat_map(|Values(values)| values));
            // A part that had to change so many rows and has not is a division by zero. In the order of these questions the parts
            // run.
            asked.push_str(if changes > 0 { "1 / (SELECT count(*)" } else { "(SELECT count(*)" });
            if changes > 1 {
                asked.push_str(" / ");
                asked.push_str(&changes.to_string());
            }
            asked.push_str(" FROM ");
            asked.push_str(&name);
            asked.push(')');
        }
        sql.push_str(&asked);
        Some(Statement { sql, values: Some(Values(values)), db_backend: DbBackend::Postgres })
    }
}

fn count(statement: &Statement) -> usize {
    statement.values.as_ref().map_or(0, |Values(values)| values.len())
}

/// The table that a statement writes to; `None` for one that asks something, or must be on its own for another reason.
fn table(sql: &str) -> Option<&str> {
    let rest = ["INSERT INTO \"", "UPDATE \"", "DELETE FROM \""].iter().find_map(|words| sql.strip_prefix(words))?;
    let (table, rest) = rest.split_once('"')?;
    (!rest.contains("SELECT ")).then_some(table)
}

/// Writes `sql` with its `$1`, `$2`, … counted from `by` on.
fn renumber(sql: &str, by: usize, to: &mut String) {
    let mut quote = None;
    let mut rest = sql;
    while let Some(at) = rest.find(['$', '\'', '"']) {
        let (before, from) = rest.split_at(at);
        to.push_str(before);
        let mark = from.as_bytes()[0];
        rest = &from[1..];
        if mark != b'$' {
            to.push(char::from(mark));
            quote = match quote {
                None => Some(mark),
                Some(open) if open == mark => None,
                other => other,
            };
            continue;
        }
        to.push('$');
        let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        match rest[..digits].parse::<usize>() {
            Ok(number) if quote.is_none() => {
                to.push_str(&(number + by).to_string());
                rest = &rest[digits..];
            }
            _ => {}
        }
    }
    to.push_str(rest);
}

#[cfg(test)]
mod tests {
    use sea_orm::Value;

    use super::*;

    fn statement(sql: &str, values: &[i32]) -> Statement {
        Statement::from_sql_and_values(DbBackend::Postgres, sql, values.iter().map(|value| Value::from(*value)))
    }

    fn unchecked(statements: Vec<Statement>) -> Vec<Deferred> {
        statements.into_iter().map(|statement| Deferred { statement, changes: 0 }).collect()
    }

    fn texts(statements: Vec<Statement>) -> Vec<String> {
        together(DbBackend::Postgres, unchecked(statements)).into_iter().map(|statement| statement.sql).collect()
    }

    #[test]
    fn statements_on_different_tables_become_one() {
        let all = vec![
            statement(r#"INSERT INTO "a" ("x", "y") VALUES ($1, $2)"#, &[1, 2]),
            statement(r#"UPDATE "b" SET "x" = $1, "note" = 'costs $1, "really"' WHERE "id" = $2"#, &[3, 4]),
            statement(r#"DELETE FROM "c" WHERE "id" IN ($1)"#, &[5]),
        ];
        let one = together(DbBackend::Postgres, unchecked(all.clone())).pop().unwrap();
        assert_eq!(
            one.sql,
            "WITH p0 AS (INSERT INTO \"a\" (\"x\", \"y\") VALUES ($1, $2) RETURNING 1), \
             p1 AS (UPDATE \"b\" SET \"x\" = $3, \"note\" = 'costs $1, \"really\"' WHERE \"id\" = $4 RETURNING 1), \
             p2 AS (DELETE FROM \"c\" WHERE \"id\" IN ($5) RETURNING 1) \
             SELECT (SELECT count(*) FROM p0), (SELECT count(*) FROM p1), (SELECT count(*) FROM p2)"
        );
        assert_eq!(one.values, Some(Values([1, 2, 3, 4, 5].map(Value::from).to_vec())));
        assert_eq!(together(DbBackend::MySql, unchecked(all.clone())), all, "others don't know this");
    }

    #[test]
    fn what_would_have_to_see_the_other_stays_apart() {
        let (a, b) = (statement(r#"DELETE FROM "a""#, &[]), statement(r#"INSERT INTO "b" VALUES ($1)"#, &[1]));
        let again = statement(r#"INSERT INTO "a" VALUES ($1)"#, &[2]);
        let asks = statement(r#"DELETE FROM "c" WHERE "id" IN (SELECT "id" FROM "a")"#, &[]);
        let lock = statement("SELECT pg_advisory_xact_lock($1)", &[7]);
        let all = vec![a.clone(), again.clone(), b.clone(), asks.clone(), lock.clone(), b.clone()];
        let merged = "WITH p0 AS (INSERT INTO \"a\" VALUES ($1) RETURNING 1), p1 AS (INSERT INTO \"b\" VALUES ($2) RETURNING 1) \
                      SELECT (SELECT count(*) FROM p0), (SELECT count(*) FROM p1)"
            .to_owned();
        assert_eq!(texts(all), [a.sql, merged, asks.sql, lock.sql, b.sql]);
    }

    #[test]
    fn a_part_that_has_to_change_a_row_is_checked() {
        let update = statement(r#"UPDATE "a" SET "x" = $1"#, &[1]);
        let insert = statement(r#"INSERT INTO "b" VALUES ($1)"#, &[2]);
        let all = vec![Deferred { statement: update.clone(), changes: 1 }, Deferred { statement: insert, changes: 0 }];
        let one = together(DbBackend::Postgres, all).pop().unwrap();
        assert_eq!(
            one.sql,
            "WITH p0 AS (UPDATE \"a\" SET \"x\" = $1 RETURNING 1), p1 AS (INSERT INTO \"b\" VALUES ($2) RETURNING 1) \
             SELECT 1 / (SELECT count(*) FROM p0), (SELECT count(*) FROM p1)"
        );
        let alone = together(DbBackend::Postgres, vec![Deferred { statement: update, changes: 1 }]);
        let expected = r#"WITH p0 AS (UPDATE "a" SET "x" = $1 RETURNING 1) SELECT 1 / (SELECT count(*) FROM p0)"#;
        assert_eq!(alone.into_iter().map(|statement| statement.sql).collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn a_part_that_has_to_change_several_rows_is_checked_for_all_of_them() {
        let insert = statement(r#"INSERT INTO "a" ("x") VALUES ($1), ($2), ($3)"#, &[1, 2, 3]);
        let one = together(DbBackend::Postgres, vec![Deferred { statement: insert, changes: 3 }]).pop().unwrap();
        assert_eq!(
            one.sql,
            "WITH p0 AS (INSERT INTO \"a\" (\"x\") VALUES ($1), ($2), ($3) RETURNING 1) \
             SELECT 1 / (SELECT count(*) / 3 FROM p0)"
        );
    }

    #[test]
    fn a_statement_has_room_for_so_many_values_and_parts() {
        let many: Vec<i32> = (0..10_000).collect();
        let of = |table: usize, values: &[i32]| statement(&format!(r#"INSERT INTO "t{table}" VALUES (…)"#), values);
        let large = (0..3).map(|table| of(table, &many)).collect();
        assert_eq!(texts(large).len(), 3);
        let small = (0..20).map(|table| of(table, &[])).collect();
        assert_eq!(texts(small).len(), 3);
    }
}
