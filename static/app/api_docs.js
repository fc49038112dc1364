// The API's documentation, from files of this server only: no validator of another host. It is dark with the page.
const place = document.getElementById("api-docs");
const root = document.documentElement;
const dark = () => root.classList.toggle("dark-mode", root.dataset.bsTheme === "dark");

dark();
root.addEventListener("webgis:theme", dark);
window.SwaggerUIBundle({ url: place.dataset.spec, domNode: place, deepLinking: true, validatorUrl: null });
