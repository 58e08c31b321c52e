module bench

go 1.22

require github.com/alexedwards/scs/v2 v2.9.0
