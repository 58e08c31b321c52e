// The measured app on Go's net/http: `scs` with its memory store, or no session.
package main

import (
	"encoding/gob"
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/alexedwards/scs/v2"
)

type values struct {
	User, Theme, Locale, Token string
	Visits                     int
	Cart                       []string
}

func main() {
	var held values
	var texts struct{ Plain, Empty string }
	must(json.Unmarshal([]byte(os.Getenv("BENCH_VALUES")), &held))
	must(json.Unmarshal([]byte(os.Getenv("BENCH_PAGES")), &texts))
	gob.Register([]string{})

	mux := http.NewServeMux()
	text := func(path string, page func(r *http.Request) string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write([]byte(page(r)))
		})
	}
	text("/plain", func(*http.Request) string { return texts.Plain })
	var handler http.Handler = mux

	if os.Args[2] != "none" {
		sessions := scs.New()
		sessions.Lifetime = 24 * time.Hour
		page := func(r *http.Request) string {
			c := r.Context()
			user := sessions.GetString(c, "user")
			if user == "" {
				return texts.Empty
			}
			cart, _ := sessions.Get(c, "cart").([]string)
			return user + " " + sessions.GetString(c, "theme") + " " + sessions.GetString(c, "locale") + " " +
				strconv.Itoa(sessions.GetInt(c, "visits")) + " " + strconv.Itoa(len(cart)) + " " +
				strconv.Itoa(len(sessions.GetString(c, "token")))
		}
		count := func(r *http.Request) string {
			visits := sessions.GetInt(r.Context(), "visits") + 1
			sessions.Put(r.Context(), "visits", visits)
			return strconv.Itoa(visits)
		}
		fill := func(r *http.Request) {
			c := r.Context()
			sessions.Put(c, "user", held.User)
			sessions.Put(c, "theme", held.Theme)
			sessions.Put(c, "locale", held.Locale)
			sessions.Put(c, "visits", held.Visits)
			sessions.Put(c, "cart", held.Cart)
			sessions.Put(c, "token", held.Token)
		}
		text("/read", page)
		text("/write", count)
		text("/enter", func(r *http.Request) string { fill(r); return "entered" })
		mux.HandleFunc("GET /enter-and-see", func(w http.ResponseWriter, r *http.Request) {
			fill(r)
			http.Redirect(w, r, "/read", http.StatusFound)
		})
		text("/leave", func(r *http.Request) string { must(sessions.Destroy(r.Context())); return "left" })
		text("/slow-count", func(r *http.Request) string { time.Sleep(10 * time.Millisecond); return count(r) })
		text("/slow-mark", func(r *http.Request) string {
			page(r)
			time.Sleep(80 * time.Millisecond)
			sessions.Put(r.Context(), "marked", "late")
			return "marked"
		})
		text("/slow-read", func(r *http.Request) string {
			page(r)
			time.Sleep(80 * time.Millisecond)
			return page(r)
		})
		handler = sessions.LoadAndSave(mux)
	}
	must(http.ListenAndServe("127.0.0.1:"+os.Args[1], handler))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
