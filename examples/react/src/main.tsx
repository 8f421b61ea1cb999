/** Mounts the page. Strict mode mounts every component twice during development, which the hooks must withstand. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';

const root = document.getElementById('root');
if (!root) throw new Error("index.html has no element with id 'root'");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
